package dataset_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/examples/tiny"
)

func ExampleOpen() {
	d, err := dataset.Open("pictures", dataset.WithFS(tiny.FS()))
	if err != nil {
		log.Fatal(err)
	}
	defer d.Close()
	for s, err := range d.All(context.Background()) {
		if err != nil {
			log.Print(err)
			continue
		}
		c, err := s.Images()[0].Config()
		if err != nil {
			log.Print(err)
			continue
		}
		fmt.Println(s.ID, s.Text(), c.Width, c.Height)
		break
	}
	// Output: metadata.jsonl#0 紫色双马尾，蓝色连衣裙，绿色眼睛，流着眼泪，戴着草帽，练习室，手持话筒 112 112
}

// The folder that a LoRA trainer reads: pictures with running numbers, and their texts
// beside them.
func ExampleCreateFolder() {
	d, err := dataset.Open("pictures", dataset.WithFS(tiny.FS()))
	if err != nil {
		log.Fatal(err)
	}
	dir := filepath.Join(os.TempDir(), "lora_dataset", "train")
	defer os.RemoveAll(filepath.Dir(dir))
	w, err := dataset.CreateFolder(dir, dataset.Replace())
	if err != nil {
		log.Fatal(err)
	}
	for s, err := range d.All(context.Background()) {
		if err != nil {
			continue
		}
		s.SetText("二次元") // one text for all
		if err := w.Write(s); err != nil {
			fmt.Println("left out:", s.ID)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.Done(), "samples")
	// Output:
	// left out: metadata.jsonl#61
	// left out: metadata.jsonl#62
	// 62 samples
}
