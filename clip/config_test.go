package clip

import (
	"errors"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/easel-go/easel/examples/tiny"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/hub"
	"github.com/easel-go/easel/internal/weights"
)

// tinyWeights are those of the tiny CLIP, under transformers' names.
func tinyWeights(t testing.TB) *weights.Source {
	t.Helper()
	src, err := files{tiny.FS()}.weights("clip", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	both, err := part(src, weights.CLIP, "both towers")
	if err != nil {
		t.Fatal(err)
	}
	return both
}

// TestOpenCLIPConfig reads a model's sizes off open_clip's config and the tensors.
func TestOpenCLIPConfig(t *testing.T) {
	src := tinyWeights(t)
	for _, c := range []struct {
		text string
		kind Kind
	}{
		{`{"model_cfg": {"quick_gelu": true, "vision_cfg": {"head_width": 16}, "text_cfg": {"heads": 4}}, "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [1, 1, 1], "interpolation": "bilinear"}}`, ""},
		{`{"model_cfg": {"vision_cfg": {"head_width": 16}, "text_cfg": {"heads": 4}}}`, ""},
		{`{"model_cfg": {"vision_cfg": {"timm_model_name": "vit_base"}}}`, Unsupported},
		{`{"model_cfg": {"vision_cfg": {"head_width": 16}, "text_cfg": {"hf_model_name": "roberta-base"}}}`, Unsupported},
		{`{"model_cfg": {"vision_cfg": {"head_width": 17}, "text_cfg": {"heads": 4}}}`, Invalid},
		{`{"model_cfg": {"vision_cfg": {"head_width": 16}, "text_cfg": {"heads": 4}}, "preprocess_cfg": {"resize_mode": "squash"}}`, Unsupported},
		{`{`, Invalid},
	} {
		fsys := fstest.MapFS{"open_clip_config.json": {Data: []byte(c.text)}}
		got, err := files{fsys}.openCLIPConfig("open_clip_config.json", src)
		if c.kind != "" {
			if !errors.Is(err, c.kind) {
				t.Errorf("%s: %v, want %q", c.text, err, c.kind)
			}
			continue
		}
		if err != nil || got.vision.Image != 64 || got.vision.Encoder.Heads != 6 || got.text.Encoder.Heads != 4 || got.text.Vocab != 1214 {
			t.Errorf("%s: %+v, %v", c.text, got, err)
		}
	}
}

// TestBareConfig refuses a file whose activation cannot be told.
func TestBareConfig(t *testing.T) {
	src := tinyWeights(t)
	if _, err := bareConfig(src, src); !errors.Is(err, Missing) {
		t.Errorf("%v, want %q", err, Missing)
	}
}

// TestSizes makes configs of the published models' sizes: OpenAI's, and open_clip's
// ViT-H and bigG, whose heads are wider.
func TestSizes(t *testing.T) {
	for _, c := range []struct{ width, heads, text, textHeads int }{
		{768, 12, 512, 8}, {1024, 16, 768, 12}, {1280, 16, 1024, 16}, {1664, 16, 1280, 20},
	} {
		s := sizes{
			image: 224, patch: 14, visionWidth: c.width, visionLayers: 12, visionMLP: 4 * c.width,
			textWidth: c.text, textLayers: 12, textMLP: 4 * c.text, vocab: 49408, position: 77, dim: c.text,
		}
		s.guessHeads()
		got, err := s.config("gelu", func(size int) (*preparation, error) { return likeCLIP(size).finish(size) })
		if err != nil || got.vision.Encoder.Heads != c.heads || got.text.Encoder.Heads != c.textHeads || got.vision.Tokens() != 257 {
			t.Errorf("width %d: %+v, %v", c.width, got, err)
		}
	}
}

// FuzzConfig reads both kinds of config: what is accepted has sizes that can be.
func FuzzConfig(f *testing.F) {
	b, err := fs.ReadFile(tiny.FS(), "clip/config.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"model_cfg": {"quick_gelu": true, "vision_cfg": {"head_width": 16}, "text_cfg": {"heads": 4}}}`))
	src := tinyWeights(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		own := files{fstest.MapFS{"config.json": {Data: b}}}
		for _, read := range []func() (clipConfig, error){
			func() (clipConfig, error) { return own.transformersConfig(".") },
			func() (clipConfig, error) { return own.openCLIPConfig("config.json", src) },
		} {
			c, err := read()
			if err != nil {
				if fault.KindOf(err) == "" {
					t.Errorf("%v is of no kind", err)
				}
				continue
			}
			if c.vision.Tokens() < 2 || c.text.ProjectionDim < 1 || c.vision.ProjectionDim < 1 {
				t.Errorf("%+v", c)
			}
		}
	})
}

func TestModelFiles(t *testing.T) {
	for _, c := range []struct{ all, want []string }{
		{[]string{"config.json", "model.safetensors", "pytorch_model.bin", "tf_model.h5", "vocab.json", "README.md"}, []string{"config.json", "vocab.json", "model.safetensors"}},
		{[]string{"pytorch_model.bin", "flax_model.msgpack"}, []string{"pytorch_model.bin"}},
		{[]string{"model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"},
			[]string{"model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}},
		{[]string{"open_clip_config.json", "open_clip_model.safetensors"}, []string{"open_clip_config.json", "open_clip_model.safetensors"}},
		{[]string{"README.md"}, nil},
	} {
		checkModelFiles(t, c.all, c.want)
	}
}

func checkModelFiles(t *testing.T, all, want []string) {
	t.Helper()
	var listing []hub.File
	for _, n := range all {
		listing = append(listing, hub.File{Path: n})
	}
	have, err := modelFiles(listing)
	if !slices.Equal(have, want) || (want == nil) != errors.Is(err, Missing) {
		t.Errorf("of %v: %v, %v, want %v", all, have, err, want)
	}
}
