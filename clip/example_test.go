package clip_test

import (
	"context"
	"fmt"
	"image"
	_ "image/jpeg"
	"log"

	"github.com/easel-go/easel/clip"
	"github.com/easel-go/easel/examples/tiny"
)

// picture reads one of the tiny pictures.
func picture(name string) image.Image {
	f, err := tiny.FS().Open("pictures/" + name)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	m, _, err := image.Decode(f)
	if err != nil {
		log.Fatal(err)
	}
	return m
}

// The texts that describe a picture best.
func Example() {
	m, err := clip.Open("clip", clip.WithFS(tiny.FS()))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	texts := []string{"在教室,看书", "夜空,星星", "在海边"}
	scores, err := m.Score(context.Background(), texts, []image.Image{picture("020.jpg")})
	if err != nil {
		log.Fatal(err)
	}
	for i, p := range clip.SoftmaxOverTexts(scores.Logits)[0] {
		fmt.Printf("%3.0f %%  %s\n", 100*p, texts[i])
	}
	// Output:
	// 100 %  在教室,看书
	//   0 %  夜空,星星
	//   0 %  在海边
}

// How good pictures look, from the embeddings that search and scoring use, too.
func ExampleHead() {
	m, err := clip.Open("clip", clip.WithFS(tiny.FS()))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	head, err := clip.OpenHead("aesthetics/head.safetensors", clip.WithFS(tiny.FS()))
	if err != nil {
		log.Fatal(err)
	}
	embeds, err := m.EmbedImages(context.Background(), []image.Image{picture("030.jpg"), picture("063.jpg")})
	if err != nil {
		log.Fatal(err)
	}
	marks, err := head.Rate(embeds)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.1f %.1f\n", marks[0], marks[1])
	// Output: 6.4 2.6
}

// The pictures nearest to a text.
func ExampleIndex() {
	ctx := context.Background()
	m, err := clip.Open("clip", clip.WithFS(tiny.FS()))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	names := []string{"020.jpg", "026.jpg", "029.jpg"}
	var pics []image.Image
	for _, n := range names {
		pics = append(pics, picture(n))
	}
	embeds, err := m.EmbedImages(ctx, pics)
	if err != nil {
		log.Fatal(err)
	}
	index, err := clip.NewIndex(m.Info().Dim)
	if err != nil {
		log.Fatal(err)
	}
	defer index.Close()
	for i, e := range embeds {
		if err := index.Add(names[i], e); err != nil {
			log.Fatal(err)
		}
	}
	text, err := m.EmbedTexts(ctx, []string{"坐在演唱会的观众席"})
	if err != nil {
		log.Fatal(err)
	}
	found, err := index.Search(ctx, clip.Query{Vector: text[0], N: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found[0].ID)
	// Output: 026.jpg
}
