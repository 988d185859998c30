package filter

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/internal/imageio"
)

// manyPictures writes n JPEGs of about 256 pixels a side and their metadata.jsonl.
func manyPictures(b *testing.B, n int) string {
	dir := b.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	var meta bytes.Buffer
	files := make([][]byte, 16)
	for i := range files {
		m := image.NewRGBA(image.Rect(0, 0, 192+r.IntN(128), 192+r.IntN(128)))
		for y := range m.Rect.Dy() {
			for x := range m.Rect.Dx() {
				m.SetRGBA(x, y, color.RGBA{uint8(x * (i + 1)), uint8(y), uint8(x ^ y), 255})
			}
		}
		p, err := imageio.FromImage(m)
		if err != nil {
			b.Fatal(err)
		}
		var buf bytes.Buffer
		if err := imageio.EncodeJPEG(&buf, p, imageio.JPEGOptions{}); err != nil {
			b.Fatal(err)
		}
		files[i] = buf.Bytes()
	}
	for i := range n {
		name := fmt.Sprintf("%05d.jpg", i)
		if err := os.WriteFile(filepath.Join(dir, name), files[i%len(files)], 0o666); err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(&meta, `{"text": "caption %d of a picture, with words", "image": ["%s"]}`+"\n", i, name)
	}
	if err := os.WriteFile(filepath.Join(dir, "metadata.jsonl"), meta.Bytes(), 0o666); err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkRun runs whole recipes on 2000 pictures: loading, measuring, writing.
func BenchmarkRun(b *testing.B) {
	const n = 2000
	dir := manyPictures(b, n)
	for _, c := range []struct{ name, process string }{
		{"sizes", "  - image_size_filter:\n"},
		{"decode", "  - image_shape_filter:\n      min_width: 200\n  - image_aspect_ratio_filter:\n"}, // the peer decodes for it
		{"dedup", "  - image_deduplicator:\n"},
		{"text", "  - text_length_filter:\n  - words_num_filter:\n      min_num: 1\n  - alphanumeric_filter:\n  - special_characters_filter:\n  - whitespace_normalization_mapper:\n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			config := fmt.Sprintf("dataset_path: %s/metadata.jsonl\nexport_path: %s/out/result.jsonl\nnp: 2\nimage_key: image\nprocess:\n%s", dir, b.TempDir(), c.process)
			for b.Loop() {
				rec, err := ParseRecipe(strings.NewReader(config))
				if err != nil {
					b.Fatal(err)
				}
				rep, err := rec.Run(b.Context())
				if err != nil || rep.Read != n {
					b.Fatal(rep, err)
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}

// BenchmarkOps measures one op on a sample at a time, on one goroutine.
func BenchmarkOps(b *testing.B) {
	text := strings.Repeat("A photo of two cats on a red sofa, looking at the camera; http://example.org/cat.jpg. ", 4)
	for _, name := range Names() {
		step, err := New(name, nil)
		if err != nil || kindOf(step.Op) == "selector" {
			continue
		}
		if _, ok := step.Op.(modelled); ok || strings.HasPrefix(name, "image_") {
			continue
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r := NewRow(&dataset.Sample{Fields: dataset.Struct{{Name: "text", Value: text}}}, Keys{})
				switch op := step.Op.(type) {
				case Filter:
					op.Measure(b.Context(), r)
				case Mapper:
					op.Map(b.Context(), r)
				case Deduplicator:
					op.Hash(b.Context(), r)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}
