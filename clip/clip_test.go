package clip

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/easel-go/easel/examples/tiny"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/imageio"
)

func tinyModel(t testing.TB, opts ...Option) *Model {
	return openModel(t, "clip", append(opts, WithFS(tiny.FS()))...)
}

// ramp is a picture with something to see.
func ramp(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetRGBA(x, y, color.RGBA{uint8(x * 255 / w), uint8(y * 255 / h), uint8((x*7 + y*3) % 256), 255})
		}
	}
	return m
}

// TestBatches checks that a picture's and a text's numbers do not depend on what
// stands beside them, nor on the threads.
func TestBatches(t *testing.T) {
	m, one := tinyModel(t), tinyModel(t, WithThreads(1))
	var pics []image.Image
	var texts []string
	for i := range 19 {
		pics = append(pics, ramp(20+13*i, 150-7*i))
		texts = append(texts, strings.Repeat("二次元,长发 ", i))
	}
	images, err := m.EmbedImages(t.Context(), pics)
	if err != nil {
		t.Fatal(err)
	}
	words, err := m.EmbedTexts(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i := range pics {
		alone, err := one.EmbedImages(t.Context(), pics[i:i+1])
		if err != nil || !slices.Equal(alone[0], images[i]) {
			t.Errorf("picture %d has other numbers alone, %v", i, err)
		}
		word, err := one.EmbedTexts(t.Context(), texts[i:i+1])
		if err != nil || !slices.Equal(word[0], words[i]) {
			t.Errorf("text %d has other numbers alone, %v", i, err)
		}
	}
}

func TestShared(t *testing.T) {
	m := tinyModel(t)
	want, err := m.Score(t.Context(), []string{"海边"}, []image.Image{ramp(90, 60)})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			have, err := m.Score(t.Context(), []string{"海边"}, []image.Image{ramp(90, 60)})
			if err != nil || have.Logits[0][0] != want.Logits[0][0] {
				t.Errorf("%v, %v, want %v", have, err, want.Logits)
			}
		})
	}
	wg.Wait()
}

func TestPrecision(t *testing.T) {
	texts, pics := []string{"海边", "教室", "夜空"}, []image.Image{ramp(90, 60), ramp(60, 90)}
	want, err := tinyModel(t).Score(t.Context(), texts, pics)
	if err != nil {
		t.Fatal(err)
	}
	have, err := tinyModel(t, WithPrecision(BF16)).Score(t.Context(), texts, pics)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range have.Cosines() {
		for j, v := range row {
			if d := math.Abs(float64(v - want.Cosines()[i][j])); d > 0.02 {
				t.Errorf("cosine %g in bf16, %g in f32", v, want.Cosines()[i][j])
			}
		}
	}
}

func TestCut(t *testing.T) {
	m := tinyModel(t)
	long := strings.Repeat("a girl by the sea ", 40)
	s, err := m.Score(t.Context(), []string{"sea", long}, []image.Image{ramp(64, 64)})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Cut, []bool{false, true}) || m.Cut("sea") != 0 || m.Cut(long) == 0 {
		t.Errorf("cut %v, want only the second text", s.Cut)
	}
	p, err := m.ScorePairs(t.Context(), []string{long}, []image.Image{ramp(64, 64)})
	if err != nil || !p.Cut[0] || p.Logits[0] != s.Logits[0][1] {
		t.Errorf("pair %v, %v, want %v", p, err, s.Logits[0][1])
	}
}

func TestBadCalls(t *testing.T) {
	m := tinyModel(t)
	good, texts := []image.Image{ramp(9, 9)}, []string{"x"}
	score := func(texts []string, pics []image.Image) error {
		_, err := m.Score(t.Context(), texts, pics)
		return err
	}
	var none *image.RGBA
	for _, c := range []struct {
		name string
		err  error
		kind Kind
	}{
		{"no texts", score(nil, good), Invalid},
		{"no pictures", score(texts, nil), Invalid},
		{"nil picture", score(texts, []image.Image{good[0], nil}), Invalid},
		{"nil pointer", score(texts, []image.Image{none}), Invalid},
		{"empty picture", score(texts, []image.Image{image.NewRGBA(image.Rect(0, 0, 0, 5))}), Invalid},
		{"endless picture", score(texts, []image.Image{endless{1 << 40}}), Limit},
		{"a picture that panics", score(texts, []image.Image{broken{}}), Invalid},
		{"unlike numbers", func() error { _, err := m.ScorePairs(t.Context(), texts, nil); return err }(), Shape},
	} {
		if !errors.Is(c.err, c.kind) {
			t.Errorf("%s: %v, want %q", c.name, c.err, c.kind)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Score(ctx, texts, good); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	m.Close()
	if err := score(texts, good); !errors.Is(err, Closed) {
		t.Errorf("closed: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// endless is a picture of one row.
type endless struct{ width int }

func (e endless) ColorModel() color.Model { return color.RGBAModel }
func (e endless) Bounds() image.Rectangle { return image.Rect(0, 0, e.width, 1) }
func (e endless) At(x, y int) color.Color { return color.Black }

type broken struct{}

func (broken) ColorModel() color.Model { return color.RGBAModel }
func (broken) Bounds() image.Rectangle { return image.Rect(0, 0, 3, 3) }
func (broken) At(x, y int) color.Color { panic("no pixels here") }

// TestThin checks that pictures one pixel wide or high are seen.
func TestThin(t *testing.T) {
	m := tinyModel(t)
	pics := []image.Image{endless{1 << 20}, ramp(1, 300), ramp(300, 1), ramp(1, 1), ramp(3, 40), image.NewGray16(image.Rect(-3, -4, 5, 9))}
	if _, err := m.EmbedImages(t.Context(), pics); err != nil {
		t.Error(err)
	}
}

// TestMiddle holds the short way for long pictures to the whole one.
func TestMiddle(t *testing.T) {
	p, err := likeCLIP(64).finish(64)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range [][2]int{{5000, 7}, {7, 5000}, {3000, 64}, {1, 900}, {4097, 130}} {
		pic, err := imageio.FromImage(ramp(size[0], size[1]))
		if err != nil {
			t.Fatal(err)
		}
		want, err := p.pixels(pic)
		if err != nil {
			t.Fatal(err)
		}
		w, h := p.resized(pic.Width, pic.Height)
		have, err := p.middle(pic, w, h)
		if err != nil {
			t.Fatal(err)
		}
		if have.Width != 64 || have.Height != 64 {
			t.Fatalf("%v: %d×%d", size, have.Width, have.Height)
		}
		for i := range have.Pix {
			if d := int(have.Pix[i]) - int(want.Pix[i]); d < -1 || d > 1 {
				t.Fatalf("%v: byte %d is %d, want %d", size, i, have.Pix[i], want.Pix[i])
			}
		}
	}
}

// FuzzPreparation reads preprocessor configs: what is accepted prepares a picture.
func FuzzPreparation(f *testing.F) {
	b, err := fs.ReadFile(tiny.FS(), "clip/preprocessor_config.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"size": 64, "resample": 2, "feature_extractor_type": "ViTFeatureExtractor"}`))
	f.Add([]byte(`{"image_processor": {"crop_size": {"height": 64, "width": 64}, "do_rescale": false}}`))
	pic := ramp(90, 31)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePreparation(b, likeCLIP, 64)
		if err != nil {
			if fault.KindOf(err) == "" {
				t.Errorf("%v is of no kind", err)
			}
			return
		}
		if p.shortest > 1000 {
			return // fine, and slow
		}
		if err := p.picture(pic, make([]float32, 64*64*3)); err != nil {
			t.Error(err)
		}
	})
}

// copyFS returns the files of the tiny CLIP, so that a test can spoil them.
func copyFS(t *testing.T) fstest.MapFS {
	out := fstest.MapFS{}
	names, err := fs.ReadDir(tiny.FS(), "clip")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b, err := fs.ReadFile(tiny.FS(), "clip/"+n.Name())
		if err != nil {
			t.Fatal(err)
		}
		out["m/"+n.Name()] = &fstest.MapFile{Data: b}
	}
	return out
}

// change edits a JSON file.
func change(t *testing.T, fsys fstest.MapFS, name string, edit func(map[string]any)) {
	v := map[string]any{}
	if err := json.Unmarshal(fsys[name].Data, &v); err != nil {
		t.Fatal(err)
	}
	edit(v)
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	fsys[name] = &fstest.MapFile{Data: b}
}

func TestBadFolders(t *testing.T) {
	inner := func(part, name string, value any) func(map[string]any) {
		return func(v map[string]any) { v[part].(map[string]any)[name] = value }
	}
	outer := func(name string, value any) func(map[string]any) { return func(v map[string]any) { v[name] = value } }
	for _, c := range []struct {
		name, file string
		edit       func(map[string]any) // nil takes the file away
		kind       Kind
	}{
		{"no config", "config.json", nil, Missing},
		{"no weights", "model.safetensors", nil, Missing},
		{"no tokenizer", "vocab.json", nil, Missing},
		{"another model", "config.json", outer("model_type", "siglip"), Unsupported},
		{"one tower", "config.json", outer("vision_config", nil), Missing},
		{"another width", "config.json", inner("text_config", "hidden_size", 128), Shape},
		{"another depth", "config.json", inner("vision_config", "num_hidden_layers", 2), Invalid},
		{"more layers", "config.json", inner("vision_config", "num_hidden_layers", 4), Missing},
		{"heads that do not divide", "config.json", inner("vision_config", "num_attention_heads", 7), Invalid},
		{"an activation", "config.json", inner("text_config", "hidden_act", "swish"), Unsupported},
		{"another projection", "config.json", outer("projection_dim", 32), Shape},
		{"no projection", "config.json", outer("projection_dim", -1), Invalid},
		{"a small vocabulary", "config.json", inner("text_config", "vocab_size", 100), Shape},
		{"large pictures", "config.json", func(v map[string]any) {
			inner("vision_config", "image_size", 4096)(v)
			inner("vision_config", "patch_size", 1024)(v)
		}, Shape},
		{"huge pictures", "config.json", inner("vision_config", "image_size", 1<<30), Invalid},
		{"text for a number", "config.json", outer("projection_dim", "x"), Invalid},
		{"another crop", "preprocessor_config.json", outer("crop_size", 32), Shape},
		{"no crop", "preprocessor_config.json", outer("do_center_crop", false), Unsupported},
		{"no such filter", "preprocessor_config.json", outer("resample", 9), Invalid},
		{"two means", "preprocessor_config.json", outer("image_mean", []float64{0, 0}), Invalid},
		{"no deviation", "preprocessor_config.json", outer("image_std", []float64{0, 0, 0}), NotFinite},
		{"a size of nothing", "preprocessor_config.json", outer("size", map[string]any{"longest_edge": 3}), Invalid},
		{"a huge size", "preprocessor_config.json", outer("size", 1<<40), Limit},
	} {
		fsys := copyFS(t)
		if c.edit == nil {
			delete(fsys, "m/"+c.file)
		} else {
			change(t, fsys, "m/"+c.file, c.edit)
		}
		m, err := Open("m", WithFS(fsys))
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, want %q", c.name, err, c.kind)
		}
		if err == nil {
			m.Close()
		}
	}
}

// TestWrongFolders opens models as what they are not.
func TestWrongFolders(t *testing.T) {
	for name, err := range map[string]error{
		"a pipeline as CLIP":            second(Open("kolors", WithFS(tiny.FS()))),
		"a text encoder as CLIP":        second(Open("kolors/text_encoder", WithFS(tiny.FS()))),
		"a head as CLIP":                second(Open("aesthetics", WithFS(tiny.FS()))),
		"CLIP as a predictor":           second(OpenAesthetics("clip", WithFS(tiny.FS()))),
		"a head as a predictor":         second(OpenAesthetics("aesthetics", WithFS(tiny.FS()))),
		"CLIP as a classifier":          second(OpenClassifier("clip", WithFS(tiny.FS()))),
		"pictures as a classifier":      second(OpenClassifier("pictures", WithFS(tiny.FS()))),
		"a folder of CLIP as head":      second(OpenHead("clip", WithFS(tiny.FS()))),
		"a picture as a head":           second(OpenHead("pictures/000.jpg", WithFS(tiny.FS()))),
		"a path out of the file system": second(Open("../clip", WithFS(tiny.FS()))),
	} {
		if fault.KindOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestDamagedWeights(t *testing.T) {
	fsys := copyFS(t)
	whole := fsys["m/model.safetensors"].Data
	for _, n := range []int{0, 7, 100, len(whole) / 2, len(whole) - 1} {
		fsys["m/model.safetensors"] = &fstest.MapFile{Data: whole[:n]}
		if _, err := Open("m", WithFS(fsys)); fault.KindOf(err) == "" {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
	spoiled := slices.Clone(whole)
	for i := len(spoiled) - 4000; i < len(spoiled); i++ {
		spoiled[i] = 0x7f // NaN in float16
	}
	fsys["m/model.safetensors"] = &fstest.MapFile{Data: spoiled}
	m, err := Open("m", WithFS(fsys))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Score(t.Context(), []string{"x"}, []image.Image{ramp(9, 9)}); !errors.Is(err, NotFinite) {
		t.Errorf("NaN weights: %v", err)
	}
}

func TestOpenWhatIsNotThere(t *testing.T) {
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	for _, name := range []string{"", "nobody/nothing", "hf:nobody/nothing", "no such folder", "a/b/c/d"} {
		if _, err := Open(name); !errors.Is(err, Missing) {
			t.Errorf("Open(%q): %v", name, err)
		}
		if _, err := OpenAesthetics(name); !errors.Is(err, Missing) {
			t.Errorf("OpenAesthetics(%q): %v", name, err)
		}
		if _, err := OpenClassifier(name); !errors.Is(err, Missing) {
			t.Errorf("OpenClassifier(%q): %v", name, err)
		}
	}
	if _, err := Open(t.TempDir()); fault.KindOf(err) == "" {
		t.Errorf("an empty folder: %v", err)
	}
	file := filepath.Join(t.TempDir(), "x.pt")
	if err := os.WriteFile(file, []byte("no weights"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); fault.KindOf(err) == "" {
		t.Errorf("a file of something else: %v", err)
	}
}

// TestOpenFromCache opens a model by its name on a hub, out of the cache that the hub's
// Python client keeps.
func TestOpenFromCache(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("HF_HUB_CACHE", cache)
	t.Setenv("MODELSCOPE_CACHE", t.TempDir())
	const commit = "0123456789abcdef0123456789abcdef01234567"
	repo := filepath.Join(cache, "models--someone--tiny-clip")
	snapshot := filepath.Join(repo, "snapshots", commit)
	tree, err := fs.Sub(tiny.FS(), "clip")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(snapshot, tree); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(repo, "refs"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(repo, "refs", "main"), []byte(commit), 0o600); err != nil {
		t.Fatal(err)
	}
	models := &Models{}
	defer models.Close()
	for _, name := range []string{"someone/tiny-clip", "hf:someone/tiny-clip", "someone/tiny-clip@" + commit} {
		s, err := models.Scorer(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Logits(t.Context(), []string{"海边"}, []image.Image{ramp(64, 64)}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open("ms:someone/tiny-clip"); !errors.Is(err, Missing) {
		t.Errorf("the other hub's: %v", err)
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []Option{WithDevice("cuda"), WithPrecision("f8"), WithThreads(0), WithFS(nil)} {
		if _, err := Open("clip", o); fault.KindOf(err) == "" {
			t.Errorf("%v", err)
		}
	}
}

func TestHeads(t *testing.T) {
	if _, err := (&Head{}).Rate([][]float32{{1}}); !errors.Is(err, Invalid) {
		t.Errorf("the zero head: %v", err)
	}
	h, err := OpenHead("aesthetics/head.safetensors", WithFS(tiny.FS()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Rate([][]float32{make([]float32, h.Dim()+1)}); !errors.Is(err, Shape) {
		t.Errorf("embedding of another width: %v", err)
	}
	if _, err := OpenHead("clip/model.safetensors", WithFS(tiny.FS())); !errors.Is(err, Missing) {
		t.Errorf("a file without a head: %v", err)
	}
}

func TestSoftmax(t *testing.T) {
	x := [][]float32{{1, 2, 3}, {1000, 0, -1000}}
	for i, row := range SoftmaxOverTexts(x) {
		if s := row[0] + row[1] + row[2]; math.Abs(float64(s-1)) > 1e-6 {
			t.Errorf("row %d sums to %g", i, s)
		}
	}
	over := SoftmaxOverPictures(x)
	for j := range 3 {
		if s := over[0][j] + over[1][j]; math.Abs(float64(s-1)) > 1e-6 {
			t.Errorf("column %d sums to %g", j, s)
		}
	}
	if len(SoftmaxOverPictures(nil)) != 0 || len(SoftmaxOverTexts([][]float32{{}})[0]) != 0 {
		t.Error("nothing becomes something")
	}
	SoftmaxOverPictures([][]float32{{1, 2}, {3}})
}

func TestCosine(t *testing.T) {
	if c, err := Cosine([]float32{3, 0}, []float32{5, 5}); err != nil || math.Abs(float64(c)-math.Sqrt(0.5)) > 1e-7 {
		t.Errorf("%g, %v", c, err)
	}
	for _, c := range [][2][]float32{{{1}, {1, 2}}, {nil, nil}, {{0}, {1}}} {
		if _, err := Cosine(c[0], c[1]); err == nil {
			t.Errorf("cosine of %v and %v", c[0], c[1])
		}
	}
}
