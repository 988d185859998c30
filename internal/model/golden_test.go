package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine/cpu"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/plan"
	"github.com/easel-go/easel/internal/model/chatglm"
	"github.com/easel-go/easel/internal/model/cliptext"
	"github.com/easel-go/easel/internal/model/unet"
	"github.com/easel-go/easel/internal/weights"
)

// kinds returns the model folders of the part "model", each with its .golden folder
// beside it.
func kinds(t *testing.T) []string {
	var dirs []string
	for _, g := range golden.Glob(t, golden.Part(t, "model"), "*.golden") {
		dirs = append(dirs, strings.TrimSuffix(g, ".golden"))
	}
	return dirs
}

func open(t *testing.T, dir string, o Options) *Bundle {
	t.Helper()
	o.Engine = cpu.New(cpu.Options{})
	b, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// evaluate compiles and runs outs and returns their values.
func evaluate(t *testing.T, b *Bundle, g *graph.Builder, ins map[string]any, outs ...*graph.Node) [][]float32 {
	t.Helper()
	prog, err := plan.Compile(g, plan.Options{Engine: b.engine, Compute: b.compute}, outs...)
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
	var vals [][]float32
	for i := range outs {
		vals = append(vals, slices.Clone(vm.Output(i)))
	}
	return vals
}

// nhwc turns an array [B, C, H, W] into [B, H, W, C]; others stay.
func nhwc(shape []int, x []float32) []float32 {
	if len(shape) != 4 {
		return x
	}
	b, c, hw := shape[0], shape[1], shape[2]*shape[3]
	y := make([]float32, len(x))
	for n := range b {
		for ch := range c {
			for p := range hw {
				y[(n*hw+p)*c+ch] = x[(n*c+ch)*hw+p]
			}
		}
	}
	return y
}

func values(x golden.Tensor) []float32 { return nhwc(x.Shape, x.Float32s()) }

func doubles(x golden.Tensor) []float64 { return x.Float64s() }

// unetInputs returns the inputs of one case of a UNet file.
func unetInputs(t *testing.T, f *golden.File, c unet.Config, u *unet.UNet, name string) (*graph.Builder, unet.Inputs, map[string]any) {
	x, ctx := f.Get(t, name+"x"), f.Get(t, name+"ctx")
	times := doubles(f.Get(t, name+"t"))
	batch := x.Shape[0]
	if len(times) == 1 {
		times = slices.Repeat(times, batch)
	}
	g := graph.New()
	in := UNetInputs(g, c, batch, x.Shape[2], x.Shape[3], ctx.Shape[1], false)
	vals := map[string]any{"sample": values(x), "context": ctx.Float32s(), "time": u.TimeFeatures(times)}
	if f.Has(name + "pooled") {
		vals["pooled"] = f.Get(t, name+"pooled").Float32s()
		vals["time_ids"] = u.TimeIDFeatures(doubles(f.Get(t, name+"time_ids")))
	}
	return g, in, vals
}

type unetMeta struct {
	Torch        string `json:"torch"`
	Diffusers    string `json:"diffusers"`
	Transformers string `json:"transformers"`
	Dtype        string `json:"dtype"`
	Device       string `json:"device"`
	Cases        string `json:"cases"`
	Loss         string `json:"loss"`
	W16          string `json:"w16"`
	All16        string `json:"all16"`
	ScalingStr   string `json:"scaling_factor"`
	Note         string `json:"note"`
	Hidden       string `json:"hidden_states"`
	Floor        string `json:"out_max_abs_f32_minus_f64"`
}

func meta(t *testing.T, f *golden.File) unetMeta {
	return golden.Decode[unetMeta](t, f.Path, []byte(f.Meta["meta"]))
}

// TestGoldenUNet compares whole outputs and, where the file has them, the values of
// every module: the first module that differs is reported first.
func TestGoldenUNet(t *testing.T) {
	for _, dir := range kinds(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			f := golden.Tensors(t, dir+".golden/unet.safetensors")
			floor := golden.Decode[map[string]float64](t, f.Path, []byte(meta(t, f).Floor))
			b := open(t, dir, Options{})
			for name := range floor {
				t.Run(name, func(t *testing.T) { unetCase(t, b, f, name+"/", 10*floor[name]) })
			}
		})
	}
}

func unetCase(t *testing.T, b *Bundle, f *golden.File, name string, abs float64) {
	g, in, vals := unetInputs(t, f, b.UNet.Config(), b.UNet, name)
	out := b.UNet.Forward(g, in)
	outs := []*graph.Node{out}
	var paths []string
	for _, n := range g.Nodes() {
		for path, m := range g.Marks() {
			if m == n && f.Has(name+path) {
				paths, outs = append(paths, path), append(outs, n)
			}
		}
	}
	got := evaluate(t, b, g, vals, outs...)
	final := largest(values(f.Get(t, name+"out")))
	for i, path := range paths {
		want := values(f.Get(t, name+path)) // the error is known of the output, whose numbers may be smaller
		tol := golden.Tol{Abs: abs * max(1, largest(want)/final), Rel: 1e-5, From: "10 × the case's float32 error"}
		golden.Close(t, path, got[i+1], want, tol)
		if t.Failed() {
			return
		}
	}
	for key := range f.Tensors {
		path, ok := strings.CutPrefix(key, name)
		if ok && !slices.Contains(paths, path) && !slices.Contains([]string{"x", "t", "ctx", "pooled", "time_ids", "out", "time_proj", "add_time_proj"}, path) {
			t.Errorf("%s has %s, which no module marks", f.Path, key)
		}
	}
	worst := golden.Close(t, "out", got[0], values(f.Get(t, name+"out")), golden.Tol{Abs: abs, From: "10 × the case's float32 error"})
	t.Logf("%d modules; largest difference %.2g, reference's own %.2g", len(paths), worst, abs/10)
}

// TestGoldenUNetHalf runs weights that are stored in 16 bits.
func TestGoldenUNetHalf(t *testing.T) {
	ran := 0
	for _, dir := range kinds(t) {
		f := golden.Tensors(t, dir+".golden/unet_dtypes.safetensors")
		for variant, key := range map[string]string{"fp16": "w16/out", "bf16": "wbf16/out"} {
			src, err := weights.Open(filepath.Join(dir, "unet"), weights.WithVariant(variant))
			if errors.Is(err, fault.Missing) {
				continue
			}
			t.Run(filepath.Base(dir)+"/"+variant, func(t *testing.T) {
				if err != nil {
					t.Fatal(err)
				}
				b := open(t, dir, Options{})
				if err := weights.Bind(b.UNet, src, ""); err != nil {
					t.Fatal(err)
				}
				g, in, vals := unetInputs(t, f, b.UNet.Config(), b.UNet, "")
				got := evaluate(t, b, g, vals, b.UNet.Forward(g, in))
				want := values(f.Get(t, key))
				worst := golden.Close(t, key, got[0], want, golden.Tol{Abs: 6e-5, From: "float32 arithmetic on equal weights: 10 × the reference's own error on such cases"})
				t.Logf("largest difference %.2g", worst)
			})
			if src != nil {
				src.Close()
			}
			ran++
		}
	}
	if ran == 0 {
		t.Skip("the tree has no variants of 16 bits")
	}
}

func TestGoldenVAE(t *testing.T) {
	for _, dir := range kinds(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			f := golden.Tensors(t, dir+".golden/vae.safetensors")
			b := open(t, dir, Options{})
			for _, half := range []struct{ in, x, out string }{{"enc/", "x", "parameters"}, {"enc_odd/", "x", "parameters"}, {"dec/", "z", "out"}, {"dec2/", "z", "out"}} {
				if f.Has(half.in + half.x) {
					vaeCase(t, b, f, half.in, half.x, half.out)
				}
			}
			vaeSample(t, b, f)
			if f.Has("tile/z") {
				vaeTiles(t, b, f)
			}
		})
	}
}

// ofLargest allows ten times the reference's own float32 error. The files do not tell
// it; diffusers' float32 encoder and decoder end 5e-7 to 1.5e-6 of the largest value
// away from their float64 twins on 22 cases of seven autoencoders, and 4 times as far
// where a decoded picture is encoded again.
func ofLargest(want []float32, times float64) golden.Tol {
	return golden.Tol{Abs: 1.5e-5 * times * largest(want), From: "10 × the float32 error of the reference on such networks"}
}

// largest returns the largest absolute value.
func largest(x []float32) float64 {
	var m float64
	for _, v := range x {
		m = max(m, math.Abs(float64(v)))
	}
	return m
}

func vaeCase(t *testing.T, b *Bundle, f *golden.File, prefix, xName, outName string) {
	x := f.Get(t, prefix+xName)
	g := graph.New()
	in := g.Input("x", tensor.Float32, x.Shape[0], x.Shape[2], x.Shape[3], x.Shape[1])
	net := b.VAE.Encode
	if xName == "z" {
		net = b.VAE.Decode
	}
	outs := []*graph.Node{net(g, in)}
	var names []string
	for path, n := range g.Marks() {
		if f.Has(prefix + path) {
			names, outs = append(names, path), append(outs, n)
		}
	}
	got := evaluate(t, b, g, map[string]any{"x": values(x)}, outs...)
	for i, path := range names {
		want := values(f.Get(t, prefix+path))
		golden.Close(t, prefix+path, got[i+1], want, ofLargest(want, 1))
	}
	want := values(f.Get(t, prefix+outName))
	worst := golden.Close(t, prefix+outName, got[0], want, ofLargest(want, 1))
	t.Logf("%s: %d modules; largest difference %.2g", prefix, len(names), worst)
}

// picture returns the first picture of an array [1, C, H, W].
func picture(x golden.Tensor) Picture {
	return Picture{H: x.Shape[2], W: x.Shape[3], C: x.Shape[1], Pix: values(x)}
}

func vaeSample(t *testing.T, b *Bundle, f *golden.File) {
	m, err := b.EncodeImage(t.Context(), picture(f.Get(t, "enc/x")))
	if err != nil {
		t.Fatal(err)
	}
	scaled := func(name string) []float32 {
		v := values(f.Get(t, name))
		for i := range v {
			v[i] = float32(float64(v[i]) * b.VAE.Config().ScalingFactor)
		}
		return v
	}
	tol := ofLargest(values(f.Get(t, "enc/parameters")), 1) // mean and sample come from them
	golden.Close(t, "enc/mean", b.Mean(m).Pix, scaled("enc/mean"), tol)
	golden.Close(t, "enc/sample", b.Sample(m, values(f.Get(t, "enc/sample_noise"))).Pix, scaled("enc/sample"), tol)
}

func vaeTiles(t *testing.T, b *Bundle, f *golden.File) {
	p, err := b.DecodeTiled(t.Context(), picture(f.Get(t, "tile/z")))
	if err != nil {
		t.Fatal(err)
	}
	want := values(f.Get(t, "tile/out"))
	golden.Close(t, "tile/out", p.Pix, want, ofLargest(want, 1))
	for i := range p.Pix {
		p.Pix[i] = min(max(p.Pix[i], -1), 1)
	}
	m, err := b.EncodeTiled(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	want = values(f.Get(t, "tile/encoded_parameters"))
	golden.Close(t, "tile/encoded_parameters", m.Pix, want, ofLargest(want, 4)) // the picture that is encoded is ours, and so is its error
}

// clipFile is text.json of a CLIP encoder.
type clipFile struct {
	Meta     json.RawMessage `json:"meta"`
	PadToken string          `json:"pad_token"`
	PadID    int             `json:"pad_id"`
	Rows     []int           `json:"rows_in_safetensors"`
	Prompts  []struct {
		Text  string  `json:"text"`
		IDs   []int32 `json:"ids"`
		IDs77 []int32 `json:"ids_77"`
	} `json:"prompts"`
}

func TestGoldenCLIPText(t *testing.T) {
	for _, dir := range kinds(t) {
		b := open(t, dir, Options{})
		for i, te := range b.Text {
			if te.CLIP == nil {
				continue
			}
			name := []string{"text", "text_2"}[i]
			t.Run(filepath.Base(dir)+"/"+name, func(t *testing.T) { clipCase(t, b, te, dir+".golden/"+name) })
		}
	}
}

func clipCase(t *testing.T, b *Bundle, te *TextEncoder, stem string) {
	table := golden.JSON[clipFile](t, stem+".json")
	for _, p := range table.Prompts {
		golden.Equal(t, "ids of "+p.Text, te.BPE.Row(p.Text, len(p.IDs77)).IDs, p.IDs77)
	}
	f := golden.Tensors(t, stem+".safetensors")
	ids := f.Get(t, "input_ids")
	batch, n := ids.Shape[0], ids.Shape[1]
	var flat []int32
	var rows [][]int32
	for _, id := range ids.Ints() {
		flat = append(flat, int32(id))
	}
	for r := range slices.Chunk(flat, n) {
		rows = append(rows, r)
	}
	g := graph.New()
	o := te.CLIP.Forward(g, cliptext.Inputs{IDs: g.Input("ids", tensor.Int32, batch, n), End: g.Input("end", tensor.Int32, batch)})
	outs := append(slices.Clone(o.States), o.Last, o.Pooled, te.CLIP.FinalNorm(g, o.States[len(o.States)-2]))
	got := evaluate(t, b, g, map[string]any{"ids": flat, "end": te.CLIP.Config().Ends(rows)}, outs...)
	tol := golden.Tol{Abs: 1e-5, Rel: 1e-5, From: "float32 sums of a hundred terms of size 1"}
	states := f.Get(t, "hidden_states").Float32s()
	size := batch * n * te.CLIP.Config().Width
	for i := range o.States {
		golden.Close(t, fmt.Sprintf("hidden_states[%d]", i), got[i], states[i*size:][:size], tol)
	}
	rest := got[len(o.States):]
	golden.Close(t, "last_hidden_state", rest[0], f.Get(t, "last_hidden_state").Float32s(), tol)
	pooled := "pooled"
	if f.Has("text_embeds") {
		pooled = "text_embeds"
	}
	golden.Close(t, pooled, rest[1], f.Get(t, pooled).Float32s(), tol)
	golden.Close(t, "clip_skip_1", rest[2], f.Get(t, "clip_skip_1").Float32s(), tol)
}

// TestGoldenChatGLM reads texts with one row for all padding and compares with the
// reference, which computes every row.
func TestGoldenChatGLM(t *testing.T) {
	for _, dir := range kinds(t) {
		b := open(t, dir, Options{})
		if b.Text[0].GLM == nil {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			f := golden.Tensors(t, dir+".golden/text.safetensors")
			for key := range f.Tensors {
				if name, ok := strings.CutSuffix(key, "/input_ids"); ok {
					t.Run(name, func(t *testing.T) { glmCase(t, b, f, name+"/") })
				}
			}
		})
	}
}

func glmCase(t *testing.T, b *Bundle, f *golden.File, name string) {
	m := b.Text[0].GLM
	ids := f.Get(t, name+"input_ids")
	batch, n := ids.Shape[0], ids.Shape[1]
	maskT := slices.Repeat([]int{1}, batch*n)
	if f.Has(name + "attention_mask") {
		maskT = f.Get(t, name+"attention_mask").Ints()
	}
	flat := ids.Ints()
	var texts [][]int32
	pads := make([]int, batch)
	for i := range batch {
		var text []int32
		for j := range n {
			if maskT[i*n+j] == 1 {
				text = append(text, int32(flat[i*n+j]))
			}
		}
		texts, pads[i] = append(texts, text), n-len(text)
	}
	lay, err := m.Config().Lay(texts, n, chatglm.RowsFor(texts, n, 1), 0)
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New()
	states, pooled := m.Forward(g, m.Config().Declare(g, batch, lay.Rows))
	outs := append(slices.Clone(states), pooled)
	got := evaluate(t, b, g, lay.Values(), outs...)
	width := m.Config().Width
	row := func(state, text, at int) []float32 { // the row that stands for position at
		r := at
		if pads[text] > 0 {
			r = max(at-pads[text]+1, 0)
		}
		return got[state][(text*lay.Rows+r)*width:][:width]
	}
	tol := golden.Tol{Abs: 2e-5, Rel: 1e-5, From: "float32 sums of a hundred terms of size 1"}
	if f.Has(name + "hidden_states") {
		want := f.Get(t, name+"hidden_states").Float32s() // [layers+1, n, batch, width]
		for s := range states {
			for i := range batch {
				for at := range n {
					golden.Close(t, fmt.Sprintf("hidden_states[%d][%d][%d]", s, at, i), row(s, i, at), want[((s*n+at)*batch+i)*width:][:width], tol)
					if t.Failed() {
						return
					}
				}
			}
		}
		last := want[len(want)-batch*width:]
		golden.Close(t, "pooled", got[len(states)], last, tol)
	}
	if f.Has(name + "prompt_embeds") {
		want := f.Get(t, name+"prompt_embeds").Float32s()
		for at := range n {
			golden.Close(t, fmt.Sprintf("prompt_embeds[%d]", at), row(len(states)-2, 0, at), want[at*width:][:width], tol)
		}
		golden.Close(t, "pooled", got[len(states)], f.Get(t, name+"pooled").Float32s(), tol)
	}
}
