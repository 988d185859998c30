package clip

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/plan"
	"github.com/easel-go/easel/internal/imageio"
	"github.com/easel-go/easel/internal/model/cliptext"
)

// clipTable is clip/clip.json.
type clipTable struct {
	Versions map[string]string `json:"versions"`
	Models   []clipCase        `json:"models"`
	OpenCLIP struct {
		Version string            `json:"open_clip"`
		Same    string            `json:"same_weights_as"`
		Diff    float64           `json:"max_abs_diff_logits_open_clip_vs_transformers"`
		Logits  [][]float32       `json:"logits_per_image"`
		Names   map[string][]int  `json:"names"`
		Extra   []string          `json:"torchscript_extra"`
		Dtypes  map[string]string `json:"torchscript_dtypes"`
	} `json:"open_clip"`
}

type clipCase struct {
	Model    string          `json:"model"`
	Texts    []string        `json:"texts"`
	Images   []string        `json:"images"`
	Stored   string          `json:"stored"`
	Computed string          `json:"computed"`
	Seed     int             `json:"seed"`
	Config   json.RawMessage `json:"config"`
	Vocab    int             `json:"vocab"`
	Error    float64         `json:"max_abs_error_of_fp32_logits_against_fp64"`
	Alone    []float32       `json:"diagonal_scored_one_pair_at_a_time"`
	Diagonal []float32       `json:"diagonal_in_batch"`
	Loss     float64         `json:"loss"`
	Pooling  []poolCase      `json:"pooling"`
	Defaults []string        `json:"defaults_chosen_by_CLIPProcessor.from_pretrained"`
}

type poolCase struct {
	Case     string    `json:"case"`
	EOS      int       `json:"config_eos_token_id"`
	IDs      []int32   `json:"ids"`
	Position int       `json:"position"`
	Features []float32 `json:"text_features"`
}

// The tolerances of decisions 38 and of the goldens' own figures.
var (
	pixelTol = golden.Tol{Abs: 1e-6, From: "decisions: pixels"}
	embedTol = golden.Tol{Abs: 1e-5, From: "decisions: embeddings"}
	logitTol = golden.Tol{Abs: 1e-3, From: "decisions: logits; the reference is within 7e-5 of float64"}
	stateTol = golden.Tol{Abs: 1e-5, Rel: 1e-5, From: "float32 sums of a hundred terms of size 1"}
	aloneTol = golden.Tol{Abs: 1e-4, From: "the reference's own spread between batch and pair"}
	markTol  = golden.Tol{Abs: 1e-4, Rel: 1e-5, From: "float32 sums over a head of 1024"}
	// Every weight is rounded to float16, half a unit of 2⁻¹⁰ each; over the layers of two
	// towers the errors add up like steps of a random walk. Nine layers give three units;
	// trees of seeds 0 and 7 measured 0.7 and 1.5.
	scriptTol = golden.Tol{Abs: 3 * 100. / 2048, From: "weights rounded to float16 in nine layers, times a scale of 100"}
)

func openModel(t testing.TB, path string, opts ...Option) *Model {
	t.Helper()
	m, err := Open(path, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func pictures(t testing.TB, dir string, names []string) []image.Image {
	t.Helper()
	var out []image.Image
	for _, n := range names {
		p, err := imageio.DecodeRGB(golden.Bytes(t, filepath.Join(dir, n)), imageio.Strict)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p.RGBAImage())
	}
	return out
}

func flat(rows [][]float32) []float32 { return slices.Concat(rows...) }

// TestGoldenScores compares whole runs, texts and files in, scores out.
func TestGoldenScores(t *testing.T) {
	dir := golden.Part(t, "clip")
	for _, c := range golden.JSON[clipTable](t, filepath.Join(dir, "clip.json")).Models {
		t.Run(c.Model, func(t *testing.T) { checkScores(t, dir, c) })
	}
}

func checkScores(t *testing.T, dir string, c clipCase) {
	m, f := openModel(t, filepath.Join(dir, c.Model)), golden.Tensors(t, filepath.Join(dir, c.Model+".safetensors"))
	pics := pictures(t, dir, c.Images)
	checkInputs(t, m, f, c.Texts, pics)
	texts, err := m.EmbedTexts(t.Context(), c.Texts)
	if err != nil {
		t.Fatal(err)
	}
	golden.Close(t, "text_embeds", flat(texts), f.Get(t, "text_embeds").Float32s(), embedTol)
	images, err := m.EmbedImages(t.Context(), pics)
	if err != nil {
		t.Fatal(err)
	}
	golden.Close(t, "image_embeds", flat(images), f.Get(t, "image_embeds").Float32s(), embedTol)
	s, err := m.Score(t.Context(), c.Texts, pics)
	if err != nil {
		t.Fatal(err)
	}
	golden.Close(t, "logits_per_image", flat(s.Logits), f.Get(t, "logits_per_image").Float32s(), logitTol)
	golden.Close(t, "logits_per_image_f64", flat(s.Logits), f.Get(t, "logits_per_image_f64").Float32s(), logitTol)
	golden.Close(t, "probs", flat(SoftmaxOverTexts(s.Logits)), f.Get(t, "probs").Float32s(), golden.Tol{Abs: 1e-4, From: "a quarter of the logits' tolerance"})
	checkOrder(t, s.Logits, f.Get(t, "logits_per_image").Float32s())
	checkPairs(t, m, c, pics)
}

// checkInputs compares token ids and pixels.
func checkInputs(t *testing.T, m *Model, f *golden.File, texts []string, pics []image.Image) {
	ids := f.Get(t, "in.input_ids")
	var have []int
	for _, r := range m.tokens.Rows(texts, m.limit) {
		for _, id := range r.IDs {
			have = append(have, int(id))
		}
	}
	golden.Equal(t, "input_ids", have, ids.Ints())
	checkPixels(t, m.look, f.Get(t, "in.pixel_values").Float32s(), pics)
}

// checkPixels compares what a tower sees with pixels [B, 3, size, size].
func checkPixels(t *testing.T, l *look, want []float32, pics []image.Image) {
	n := l.size * l.size
	have := make([]float32, len(pics)*3*n)
	if err := l.fill(t.Context(), have, pics, 0); err != nil {
		t.Fatal(err)
	}
	for i := range pics {
		golden.Close(t, fmt.Sprintf("pixels of picture %d", i), planes(have[i*3*n:][:3*n]), want[i*3*n:][:3*n], pixelTol)
	}
}

// planes turns [H, W, 3] into [3, H, W].
func planes(x []float32) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i%3*len(x)/3+i/3] = v
	}
	return out
}

// checkOrder checks that texts rank alike for each picture, where the reference keeps
// two apart by more than the tolerance.
func checkOrder(t *testing.T, have [][]float32, want []float32) {
	n := len(have[0])
	for i, row := range have {
		w := want[i*n:][:n]
		for a := range n {
			for b := range n {
				if w[a]-w[b] > 2e-3 && row[a] <= row[b] {
					t.Errorf("picture %d: text %d scores %g, not above text %d with %g", i, a, row[a], b, row[b])
				}
			}
		}
	}
}

func checkPairs(t *testing.T, m *Model, c clipCase, pics []image.Image) {
	p, err := m.ScorePairs(t.Context(), c.Texts, pics)
	if err != nil {
		t.Fatal(err)
	}
	golden.Close(t, "diagonal", p.Logits, c.Diagonal, logitTol)
	for i := range pics {
		one, err := m.ScorePairs(t.Context(), c.Texts[i:i+1], pics[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		golden.Close(t, fmt.Sprintf("pair %d", i), one.Logits, c.Alone[i:i+1], logitTol)
		golden.Close(t, fmt.Sprintf("pair %d alone and in a batch", i), one.Logits, p.Logits[i:i+1], aloneTol)
	}
}

// TestGoldenStates compares every layer of both towers.
func TestGoldenStates(t *testing.T) {
	dir := golden.Part(t, "clip")
	for _, c := range golden.JSON[clipTable](t, filepath.Join(dir, "clip.json")).Models {
		t.Run(c.Model, func(t *testing.T) {
			m, f := openModel(t, filepath.Join(dir, c.Model)), golden.Tensors(t, filepath.Join(dir, c.Model+".safetensors"))
			t.Run("vision", func(t *testing.T) { checkVision(t, m, f) })
			t.Run("text", func(t *testing.T) { checkText(t, m, f) })
		})
	}
}

func checkVision(t *testing.T, m *Model, f *golden.File) {
	x := f.Get(t, "in.pixel_values")
	batch, size := x.Shape[0], x.Shape[2]
	g := graph.New()
	o := m.pair.Vision.Forward(g, g.Input("pixels", engine.Float32, batch, size, size, 3))
	outs := append(slices.Clone(o.States), o.Pooled, o.Embeds)
	got := evaluate(t, m, g, map[string]any{"pixels": channelsLast(x)}, outs...)
	for i := range o.States {
		golden.Close(t, fmt.Sprintf("hidden.%d", i), got[i], f.Get(t, fmt.Sprintf("vision.hidden.%d", i)).Float32s(), stateTol)
	}
	golden.Close(t, "last_hidden_state", got[len(o.States)-1], f.Get(t, "vision.last_hidden_state").Float32s(), stateTol)
	golden.Close(t, "pooler_output", got[len(o.States)], f.Get(t, "vision.pooler_output").Float32s(), stateTol)
	golden.Close(t, "image_features", got[len(o.States)+1], f.Get(t, "image_features").Float32s(), stateTol)
}

// channelsLast turns [B, 3, H, W] into [B, H, W, 3].
func channelsLast(x golden.Tensor) []float32 {
	values := x.Float32s()
	n := x.Shape[2] * x.Shape[3]
	out := make([]float32, 0, len(values))
	for p := range slices.Chunk(values, 3*n) {
		for i := range n {
			out = append(out, p[i], p[n+i], p[2*n+i])
		}
	}
	return out
}

func checkText(t *testing.T, m *Model, f *golden.File) {
	ids := f.Get(t, "in.input_ids")
	var rows [][]int32
	for r := range slices.Chunk(ids.Ints(), ids.Shape[1]) {
		var row []int32
		for _, id := range r {
			row = append(row, int32(id))
		}
		rows = append(rows, row)
	}
	g := graph.New()
	o := m.pair.Forward(g, cliptext.Inputs{IDs: g.Input("ids", engine.Int32, ids.Shape...), End: g.Input("end", engine.Int32, ids.Shape[0])})
	got := evaluate(t, m, g, map[string]any{"ids": slices.Concat(rows...), "end": m.pair.Config().Ends(rows)}, append(slices.Clone(o.States), o.Last, o.Pooled)...)
	mask := f.Get(t, "in.attention_mask").Ints()
	width := m.pair.Config().Width
	for i := range o.States {
		want := f.Get(t, fmt.Sprintf("text.hidden.%d", i)).Float32s()
		golden.Close(t, fmt.Sprintf("hidden.%d", i), seen(got[i], mask, width), seen(want, mask, width), stateTol)
	}
	rest := got[len(o.States):]
	golden.Close(t, "last_hidden_state", seen(rest[0], mask, width), seen(f.Get(t, "text.last_hidden_state").Float32s(), mask, width), stateTol)
	golden.Close(t, "text_features", rest[1], f.Get(t, "text_features").Float32s(), stateTol)
	golden.Close(t, "text_features_no_mask", rest[1], f.Get(t, "text_features_no_mask").Float32s(), stateTol)
}

// seen keeps the rows of tokens that are no padding: the reference masks padding as a
// key, which the causal mask does already for every token before it.
func seen(x []float32, mask []int, width int) []float32 {
	var out []float32
	for i, on := range mask {
		if on != 0 {
			out = append(out, x[i*width:][:width]...)
		}
	}
	return out
}

// evaluate compiles and runs outs and returns their values.
func evaluate(t *testing.T, m *Model, g *graph.Builder, ins map[string]any, outs ...*graph.Node) (values [][]float32) {
	t.Helper()
	prog, err := plan.Compile(g, m.runner.options, outs...)
	if err != nil {
		t.Fatal(err)
	}
	vm, err := prog.NewVM()
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	for name, v := range ins {
		if err := vm.Set(name, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := vm.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range outs {
		values = append(values, slices.Clone(vm.Output(i)))
	}
	return values
}

// TestGoldenPooling checks which token stands for the text, under every rule.
func TestGoldenPooling(t *testing.T) {
	dir := golden.Part(t, "clip")
	for _, c := range golden.JSON[clipTable](t, filepath.Join(dir, "clip.json")).Models {
		m := openModel(t, filepath.Join(dir, c.Model))
		for _, p := range c.Pooling {
			t.Run(fmt.Sprintf("%s/%s/%d", c.Model, p.Case, p.EOS), func(t *testing.T) {
				config := m.pair.Config()
				config.EOS = p.EOS
				end := config.Ends([][]int32{p.IDs})
				golden.Equal(t, "position", end, []int32{int32(p.Position)})
				g := graph.New()
				o := m.pair.Forward(g, cliptext.Inputs{IDs: g.Input("ids", engine.Int32, 1, len(p.IDs)), End: g.Input("end", engine.Int32, 1)})
				got := evaluate(t, m, g, map[string]any{"ids": p.IDs, "end": end}, o.Pooled)
				golden.Close(t, "text_features", got[0], p.Features, stateTol)
			})
		}
	}
}

// TestGoldenOpenCLIP opens the same weights under the names of OpenAI and open_clip,
// and as a torch file.
func TestGoldenOpenCLIP(t *testing.T) {
	dir := golden.Part(t, "clip")
	table := golden.JSON[clipTable](t, filepath.Join(dir, "clip.json"))
	own := filepath.Join(dir, table.OpenCLIP.Same)
	at := slices.IndexFunc(table.Models, func(c clipCase) bool { return c.Model == table.OpenCLIP.Same })
	c := table.Models[at]
	for _, path := range append(golden.Glob(t, dir, "open_clip/*"), golden.Glob(t, own, "*.bin")...) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			m := openModel(t, path, WithConfig(own), WithTokenizer(own))
			s, err := m.Score(t.Context(), c.Texts, pictures(t, dir, c.Images))
			if err != nil {
				t.Fatal(err)
			}
			tol := logitTol
			if strings.HasSuffix(path, ".pt") {
				tol = scriptTol
			}
			d := golden.Close(t, "logits", flat(s.Logits), flat(table.OpenCLIP.Logits), tol)
			t.Logf("furthest logit: %g", d)
		})
	}
}

// prepared is clip/preprocess/preprocess.json.
type prepared struct {
	Processor string        `json:"processor"`
	Rows      []preparedRow `json:"rows"`
}

type preparedRow struct {
	File   string       `json:"file"`
	Size   [2]int       `json:"size"`
	Mode   string       `json:"mode"`
	Shape  []int        `json:"shape"`
	SHA    string       `json:"crop_hwc_sha256"`
	Mean   []float64    `json:"mean"`
	Std    []float64    `json:"std"`
	Points [][4]float64 `json:"points"` // channel, y, x, value
	Fast   float64      `json:"fast_processor_max_abs_diff"`
	Crop   string       `json:"crop_png"`
	Error  string       `json:"error"` // of the reference alone, which takes thin pictures for channels first
}

// TestGoldenPreparation compares the pixels, byte for byte, and what becomes of them.
func TestGoldenPreparation(t *testing.T) {
	dir := golden.Part(t, "clip")
	p, err := likeCLIP(224).finish(224)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range golden.JSON[prepared](t, filepath.Join(dir, "preprocess/preprocess.json")).Rows {
		t.Run(filepath.Base(r.File), func(t *testing.T) { checkPreparation(t, dir, p, r) })
	}
}

func checkPreparation(t *testing.T, dir string, p *preparation, r preparedRow) {
	pic, err := imageio.Decode(golden.Bytes(t, filepath.Join(dir, r.File)), imageio.Strict)
	if err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "size", []int{pic.Width, pic.Height}, r.Size[:])
	crop, err := p.pixels(pic.RGB())
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 3*p.cropW*p.cropH)
	if err := p.picture(pic.RGBAImage(), x); err != nil {
		t.Fatal(err)
	}
	if h := r.Size[1]; h == 1 || h == 3 {
		t.Logf("the reference takes a picture %d pixels high for channels first: %s", h, r.Error)
		return
	}
	if r.Crop != "" {
		_, _, want := golden.PNG(t, filepath.Join(dir, r.Crop))
		golden.Equal(t, "crop", crop.Pix, want)
	}
	if sum := sha256.Sum256(crop.Pix); hex.EncodeToString(sum[:]) != r.SHA {
		t.Errorf("crop has the hash %x, want %s", sum, r.SHA)
	}
	for _, at := range r.Points {
		c, y, col := int(at[0]), int(at[1]), int(at[2])
		golden.Close(t, fmt.Sprint("point ", at[:3]), []float32{x[(y*p.cropW+col)*3+c]}, []float64{at[3]}, pixelTol)
	}
	mean, std := moments(x)
	golden.Close(t, "mean", mean, r.Mean, pixelTol)
	golden.Close(t, "std", std, r.Std, pixelTol)
	checkWhole(t, filepath.Join(dir, "preprocess/whole.safetensors"), r, x)
}

// moments returns mean and standard deviation of each channel, as torch has them.
func moments(x []float32) (mean, std []float64) {
	for c := range 3 {
		var sum, squares float64
		n := float64(len(x) / 3)
		for i := c; i < len(x); i += 3 {
			sum += float64(x[i])
		}
		for i := c; i < len(x); i += 3 {
			squares += (float64(x[i]) - sum/n) * (float64(x[i]) - sum/n)
		}
		mean, std = append(mean, sum/n), append(std, math.Sqrt(squares/(n-1)))
	}
	return mean, std
}

// checkWhole compares all numbers of the pictures that are given whole.
func checkWhole(t *testing.T, path string, r preparedRow, x []float32) {
	name := strings.TrimSuffix(filepath.Base(r.File), filepath.Ext(r.File))
	if files, _ := filepath.Glob(path); files == nil {
		return
	}
	if f := golden.Tensors(t, path); f.Has(name) {
		golden.Close(t, "all pixels", planes(x), f.Get(t, name).Float32s(), pixelTol)
	}
}
