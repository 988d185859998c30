package lora

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine/cpu"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/plan"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/model/cliptext"
)

// expected is expected/<case>.json.
type expected struct {
	Name       string
	Model      string
	Files      []string
	Reference  string
	Note       string
	Targets    []string
	Scaling    json.RawMessage
	Floor      float64              `json:"fp32_vs_fp64_max_abs"`
	Fused      float64              `json:"fused_vs_unfused_max_abs"`
	Change     map[string]float64   `json:"max_change_of_output"`
	DeltaStats map[string][]float64 `json:"delta_sum_and_l2"`
	Modules    map[string]string    `json:"module_names"`
	Weights    []json.RawMessage    `json:"weights"`
}

type index struct {
	Generator string
	Args      map[string]any
	Versions  map[string]string
	Cases     []string
}

func TestGoldenAdapters(t *testing.T) {
	dir := golden.Part(t, "lora")
	for _, name := range golden.JSON[index](t, dir+"/index.json").Cases {
		t.Run(name, func(t *testing.T) {
			e := golden.JSON[expected](t, dir+"/expected/"+name+".json")
			f := golden.Tensors(t, dir+"/expected/"+name+".safetensors")
			if e.Weights != nil {
				several(t, dir, e, f)
				return
			}
			one(t, dir, e, f)
		})
	}
}

func openModel(t *testing.T, dir, name string, numerics model.Numerics) *model.Bundle {
	t.Helper()
	b, err := model.Open(filepath.Join(dir, "models", name), model.Options{Engine: cpu.New(cpu.Options{}), Partial: true, Numerics: numerics})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// adapterPath is the folder of a case, or its only file.
func adapterPath(dir, name string, files []string) string {
	if slices.Contains(files, "adapter_config.json") {
		return filepath.Join(dir, "adapters", name)
	}
	return filepath.Join(dir, "adapters", name, files[0])
}

func load(t *testing.T, path string, opts ...Option) *Adapter {
	t.Helper()
	a, err := Load(path, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func place1(t *testing.T, b *model.Bundle, a *Adapter, opts ...InjectOption) *Injection {
	t.Helper()
	in, err := inject(b, a, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// one runs a case of one adapter: its changes of weights, and what networks answer at
// several scales.
func one(t *testing.T, dir string, e expected, f *golden.File) {
	path := adapterPath(dir, e.Name, e.Files)
	b := openModel(t, dir, e.Model, "")
	var opts []Option
	if strings.HasPrefix(e.Reference, "lycoris modules get_merged_weight") {
		opts = append(opts, LikeLyCORISMerge())
	}
	a := load(t, path, opts...)
	in := place1(t, b, a)
	checkTargets(t, e, in)
	for key := range f.Tensors {
		kind, rest, _ := strings.Cut(key, ".")
		switch kind {
		case "delta":
			checkDelta(t, in, rest, f.Get(t, key))
		case "delta_bias":
			golden.Close(t, key, placeOf(t, in, rest).delta.Bias.Value.Data().([]float32), f.Get(t, key).Float32s(), golden.Tol{Abs: 1e-6, From: "issue: ΔW 1e-6"})
		case "out":
			checkOut(t, dir, e, f, key, b, in)
		case "te":
			part, s, _ := strings.Cut(rest, ".")
			if err := in.SetScale(number(t, s)); err != nil {
				t.Fatal(err)
			}
			want := f.Get(t, key).Float32s()
			golden.Close(t, key, encode(t, dir, e.Model, b, part), want, golden.Tol{Abs: 2e-5, From: "10 × float32 error of two layers on values of size 5"})
		default:
			t.Errorf("%s has %s, which is of no known kind", f.Path, key)
		}
	}
	if a.dialect == DiffSynth {
		return
	}
	checkMerge(t, dir, e, f, b, in)
}

func number(t *testing.T, s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// checkTargets compares which layers are changed with the reference's list: all of
// them, or in DiffSynth's cases the first six.
func checkTargets(t *testing.T, e expected, in *Injection) {
	have := in.Layers()
	want := slices.Clone(e.Targets)
	if e.Modules != nil {
		want = want[:0]
		for file, name := range e.Modules {
			want = append(want, name)
			if i := slices.IndexFunc(in.adapter.layers, func(l *layer) bool { return l.name == file }); i < 0 || in.places[i].target.String() != name {
				t.Errorf("%s is not %s", file, name)
			}
		}
	}
	slices.Sort(have)
	slices.Sort(want)
	golden.Equal(t, "targets", have, want)
}

func placeOf(t *testing.T, in *Injection, name string) *place {
	t.Helper()
	i := slices.IndexFunc(in.places, func(p *place) bool { return p.target.String() == name })
	if i < 0 {
		t.Fatalf("%s is not changed", name)
	}
	return in.places[i]
}

// deltaOf is merged − base in float64.
func deltaOf(t *testing.T, p *place) []float64 {
	w := p.target.weight()
	product, err := p.layer.product(w.Shape)
	if err != nil {
		t.Fatal(err)
	}
	base := numbers(w.Value)
	for i := range product {
		x := float64(base[i])
		product[i] = (x+p.layer.factor()*product[i])*p.rescale.at(i, w.Shape) - x
	}
	return product
}

func checkDelta(t *testing.T, in *Injection, name string, want golden.Tensor) {
	if err := in.SetScale(1); err != nil {
		t.Fatal(err)
	}
	d := deltaOf(t, placeOf(t, in, name))
	golden.Close(t, "delta."+name, d, want.Float64s(), golden.Tol{Abs: 1e-6, Rel: 2e-6, From: "issue: ΔW 1e-6; the reference's is a float32 product, or difference of weights of size 1"})
}

func checkOut(t *testing.T, dir string, e expected, f *golden.File, key string, b *model.Bundle, in *Injection) {
	scale := strings.TrimPrefix(key, "out.")
	if s, ok := strings.CutPrefix(scale, "diffsynth_eps."); ok {
		b = openModel(t, dir, e.Model, model.LikeDiffSynth)
		in, scale = place1(t, b, in.adapter), s
	}
	s := number(t, scale)
	if in.adapter.dialect == DiffSynth { // alpha is the caller's: scale times the rank
		path := in.adapter.path
		a := load(t, path, WithAlpha(s*float64(in.adapter.layers[0].rank)))
		other := place1(t, b, a)
		defer other.Remove()
		defer func() { in.SetScale(1) }()
		s = 0
	}
	if err := in.SetScale(s); err != nil {
		t.Fatal(err)
	}
	d := golden.Close(t, key, denoise(t, dir, e.Model, b), nhwc(f.Get(t, key)), outTol(e))
	t.Logf("%s: largest difference %.2g, the reference's own %.2g", key, d, e.Floor)
}

func outTol(e expected) golden.Tol {
	return golden.Tol{Abs: 10 * e.Floor, From: "10 × the case's float32 error"}
}

// checkMerge adds the adapter to the weights, and takes it out of another model.
func checkMerge(t *testing.T, dir string, e expected, f *golden.File, b *model.Bundle, in *Injection) {
	for _, s := range []float64{0.5, 1} {
		key := fmt.Sprintf("out.%v", s)
		if !f.Has(key) {
			continue
		}
		b := openModel(t, dir, e.Model, "")
		in := place1(t, b, in.adapter, WithScale(s))
		if err := in.Merge(); err != nil {
			t.Fatal(err)
		}
		golden.Close(t, "merged "+key, denoise(t, dir, e.Model, b), nhwc(f.Get(t, key)), outTol(e))
	}
	if err := in.Remove(); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "after Remove", denoise(t, dir, e.Model, b), denoise(t, dir, e.Model, openModel(t, dir, e.Model, "")))
}

func several(t *testing.T, dir string, e expected, f *golden.File) {
	b := openModel(t, dir, e.Model, "")
	for i, name := range e.Files {
		files := golden.Glob(t, filepath.Join(dir, "adapters", name), "*")
		in := place1(t, b, load(t, files[0]))
		scale, blocks := weightsOf(t, e.Weights[i])
		if err := in.SetScale(scale); err != nil {
			t.Fatal(err)
		}
		if err := in.SetBlocks(blocks); err != nil {
			t.Fatal(err)
		}
	}
	d := golden.Close(t, "out.both", denoise(t, dir, e.Model, b), nhwc(f.Get(t, "out.both")), outTol(e))
	t.Logf("largest difference %.2g, the reference's own %.2g", d, e.Floor)
}

// weightsOf reads a weight as set_adapters takes it: a number, or an object of blocks.
func weightsOf(t *testing.T, text json.RawMessage) (float64, Blocks) {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if s, ok := v.(float64); ok {
		return s, nil
	}
	b := Blocks{}
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		switch v := v.(type) {
		case float64:
			b[prefix] = v
		case []any:
			for i, x := range v {
				walk(fmt.Sprintf("%s.%d", prefix, i), x)
			}
		case map[string]any:
			for k, x := range v {
				walk(strings.TrimPrefix(prefix+"."+strings.TrimPrefix(k, "block_"), "."), x)
			}
		}
	}
	walk("", v)
	return 1, b
}

// denoise runs the UNet on the inputs of a model, a picture at a time.
func denoise(t *testing.T, dir, name string, b *model.Bundle) []float32 {
	t.Helper()
	f := golden.Tensors(t, dir+"/inputs_"+name+".safetensors")
	x, ctx, times := f.Get(t, "sample"), f.Get(t, "encoder_hidden_states"), f.Get(t, "timestep").Float64s()
	n, rows := x.Shape[0], ctx.Shape[1]
	latents, text := nhwc(x), ctx.Float32s()
	var out []float32
	for i := range n {
		c := model.Cond{Rows: rows, Context: text[i*len(text)/n:][:len(text)/n]}
		if f.Has("text_embeds") {
			p, ids := f.Get(t, "text_embeds").Float32s(), f.Get(t, "time_ids").Float64s()
			c.Pooled, c.TimeIDs = p[i*len(p)/n:][:len(p)/n], ids[i*6:][:6]
		}
		d, err := b.Denoiser(x.Shape[2], x.Shape[3], []model.Cond{c})
		if err != nil {
			t.Fatal(err)
		}
		y := make([]float32, len(latents)/n)
		if err := d.Run(t.Context(), y, latents[i*len(y):][:len(y)], times[i]); err != nil {
			t.Fatal(err)
		}
		out = append(out, y...)
	}
	return out
}

// encode returns the state before the last of a text encoder, and its pooled row.
func encode(t *testing.T, dir, name string, b *model.Bundle, part string) []float32 {
	t.Helper()
	ids := golden.Tensors(t, dir+"/inputs_"+name+".safetensors").Get(t, "input_ids").Ints()
	row := make([]int32, len(ids))
	for i, id := range ids {
		row[i] = int32(id)
	}
	te := b.Text[map[string]int{"text_encoder": 0, "text_encoder_2": 1}[part]]
	g := graph.New()
	o := te.CLIP.Forward(g, cliptext.Inputs{IDs: g.Input("ids", tensor.Int32, 1, len(row)), End: g.Input("end", tensor.Int32, 1)})
	prog, err := plan.Compile(g, plan.Options{Engine: b.Engine()}, o.States[len(o.States)-2], o.Pooled)
	if err != nil {
		t.Fatal(err)
	}
	vm, err := prog.NewVM()
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	values := map[string]any{"ids": row, "end": te.CLIP.Config().Ends([][]int32{row})}
	for _, p := range prog.Inputs() {
		if s, ok := b.Scales[p.Name]; ok {
			values[p.Name] = []float32{s}
		}
	}
	for k, v := range values {
		if err := vm.Set(k, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := vm.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return append(slices.Clone(vm.Output(0)), vm.Output(1)...)
}

// nhwc turns an array [B, C, H, W] into [B, H, W, C].
func nhwc(x golden.Tensor) []float32 {
	b, c, hw := x.Shape[0], x.Shape[1], x.Shape[2]*x.Shape[3]
	v := x.Float32s()
	y := make([]float32, len(v))
	for n := range b {
		for ch := range c {
			for p := range hw {
				y[(n*hw+p)*c+ch] = v[(n*c+ch)*hw+p]
			}
		}
	}
	return y
}

// TestGoldenDeltaSums compares sums and lengths of all changes, those whose numbers are
// not stored included.
func TestGoldenDeltaSums(t *testing.T) {
	dir := golden.Part(t, "lora")
	for _, name := range golden.JSON[index](t, dir+"/index.json").Cases {
		e := golden.JSON[expected](t, dir+"/expected/"+name+".json")
		if e.DeltaStats == nil {
			continue
		}
		in := place1(t, openModel(t, dir, e.Model, ""), load(t, adapterPath(dir, e.Name, e.Files)))
		for target, want := range e.DeltaStats {
			var sum, squares float64
			for _, x := range deltaOf(t, placeOf(t, in, target)) {
				sum += x
				squares += x * x
			}
			length := math.Sqrt(squares)
			golden.Close(t, name+": "+target, []float64{sum, length}, want, golden.Tol{Abs: 1e-6 * max(1, length), Rel: 1e-6, From: "issue: ΔW 1e-6"})
		}
	}
}

// rejection is a row of rejected.json.
type rejection struct{ Model, Verdict, Diffusers string }

// TestGoldenRejected loads what must be refused, and finds the model untouched.
func TestGoldenRejected(t *testing.T) {
	dir := golden.Part(t, "lora")
	for name, r := range golden.JSON[map[string]rejection](t, dir+"/rejected.json") {
		t.Run(name, func(t *testing.T) {
			if r.Verdict != "refuse" {
				t.Fatalf("verdict %q, want refuse", r.Verdict)
			}
			b := openModel(t, dir, r.Model, "")
			a, err := Load(filepath.Join(dir, "rejected", name+".safetensors"))
			if err == nil {
				_, err = inject(b, a)
			}
			if fault.KindOf(err) == "" {
				t.Fatalf("%v, want a typed error", err)
			}
			t.Log(err)
			for target := range mustNames(t, b).dotted {
				if n := len(*mustNames(t, b).dotted[target].deltas()); n > 0 {
					t.Fatalf("%s has %d deltas", target, n)
				}
				break
			}
		})
	}
}

func mustNames(t *testing.T, b *model.Bundle) *names {
	n, err := namesOf(b)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
