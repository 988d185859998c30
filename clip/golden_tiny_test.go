package clip

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/easel-go/easel/examples/tiny"
	"github.com/easel-go/easel/internal/golden"
)

// tinyTable is tiny/golden.json: what the reference paints and scores with the
// embedded models.
type tinyTable struct {
	Prompts    []string          `json:"prompts"`
	Negative   string            `json:"negative"`
	Seeds      []uint64          `json:"seeds"`
	Steps      int               `json:"steps"`
	Guidance   float64           `json:"guidance"`
	Size       [2]int            `json:"size"`
	Scheduler  string            `json:"scheduler"`
	LoRA       bool              `json:"lora"`
	LoRAScale  *float64          `json:"lora_scale"`
	Seconds    []float64         `json:"seconds"`
	IDs        [][]int           `json:"clip_input_ids"`
	Logits     [][]float32       `json:"clip_logits_per_image"`
	Embeds     [][]float32       `json:"clip_image_embeds"`
	Aesthetics []float32         `json:"aesthetics"`
	Versions   map[string]string `json:"versions"`
	DPMPP2M    json.RawMessage   `json:"dpmpp2m"`
}

func TestGoldenTiny(t *testing.T) {
	dir := golden.Part(t, "tiny")
	for _, prefix := range []string{"", "lora_"} {
		t.Run(prefix+"golden", func(t *testing.T) { checkTiny(t, dir, prefix) })
	}
}

func checkTiny(t *testing.T, dir, prefix string) {
	c := golden.JSON[tinyTable](t, filepath.Join(dir, prefix+"golden.json"))
	var names []string
	for i := range c.Prompts {
		names = append(names, fmt.Sprintf("%s%d.png", prefix, i))
	}
	m, pics := openModel(t, "clip", WithFS(tiny.FS())), pictures(t, dir, names)
	var ids []int
	for _, r := range m.tokens.Rows(c.Prompts, m.limit) {
		for _, id := range r.IDs {
			ids = append(ids, int(id))
		}
	}
	var want []int
	for _, r := range c.IDs {
		want = append(want, r...)
	}
	golden.Equal(t, "input_ids", ids, want)
	s, err := m.Score(t.Context(), c.Prompts, pics)
	if err != nil {
		t.Fatal(err)
	}
	tol := golden.Tol{Abs: 1e-3, From: "decisions 38"}
	golden.Close(t, "logits", flat(s.Logits), flat(c.Logits), tol)
	embeds, err := m.EmbedImages(t.Context(), pics)
	if err != nil {
		t.Fatal(err)
	}
	golden.Close(t, "embeddings", flat(embeds), flat(c.Embeds), embedTol)
	head, err := OpenHead("aesthetics/head.safetensors", WithFS(tiny.FS()))
	if err != nil {
		t.Fatal(err)
	}
	marks, err := head.Rate(embeds)
	if err != nil {
		t.Fatal(err)
	}
	golden.Close(t, "aesthetics", marks, c.Aesthetics, tol)
	checkOwnFirst(t, c, s.Logits)
}

// checkOwnFirst checks that each picture fits its own prompt best: without the
// adapter, whose style the tiny CLIP has not seen, all of them.
func checkOwnFirst(t *testing.T, c tinyTable, logits [][]float32) {
	own := 0
	for i, row := range logits {
		best := 0
		for j := range row {
			if row[j] > row[best] {
				best = j
			}
		}
		if best == i {
			own++
		}
	}
	t.Logf("own prompt first for %d of %d", own, len(logits))
	if !c.LoRA && own != len(logits) {
		t.Errorf("own prompt first for %d of %d pictures", own, len(logits))
	}
}
