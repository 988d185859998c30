package diffusion_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/easel-go/easel/diffusion"
	"github.com/easel-go/easel/examples/tiny"
)

// The program of the README: a picture from a prompt.
func Example() {
	pipe, err := diffusion.Open("kolors", diffusion.WithFS(tiny.FS())) // or a folder, a file, "hf:owner/name"
	if err != nil {
		log.Fatal(err)
	}
	defer pipe.Close()
	res, err := pipe.Generate(context.Background(), diffusion.Request{Prompt: "二次元,微笑,在海边", Seed: 1, Steps: 20})
	if err != nil {
		log.Fatal(err)
	}
	name := filepath.Join(os.TempDir(), "picture.png")
	if err := diffusion.WritePNG(name, res, 0); err != nil {
		log.Fatal(err)
	}
	defer os.Remove(name)
	again, err := diffusion.ReadPNG(name) // the picture carries its request
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Images[0].Bounds().Size(), again.Prompt, again.Seed)
	// Output: (96,96) 二次元,微笑,在海边 1
}

// Two requests share the calls of the UNet, and each gets the picture it gets alone.
func ExamplePipeline_Batch() {
	pipe, err := diffusion.Open("kolors", diffusion.WithFS(tiny.FS()))
	if err != nil {
		log.Fatal(err)
	}
	defer pipe.Close()
	results, err := pipe.Batch(context.Background(),
		diffusion.Request{Prompt: "二次元,在教室", Steps: 4, Sampler: diffusion.DPMPP2MKarras},
		diffusion.Request{Prompt: "二次元,在海边", Steps: 4, Sampler: diffusion.DPMPP2MKarras, Seeds: []uint64{3, 4}},
	)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range results {
		fmt.Println(r.Request.Prompt, r.Seeds)
	}
	// Output:
	// 二次元,在教室 [0]
	// 二次元,在海边 [3 4]
}
