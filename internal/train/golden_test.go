package train

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine/cpu"
	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/imageio"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/model/unet"
	"github.com/easel-go/easel/internal/rng"
	"github.com/easel-go/easel/internal/sampler"
)

var targets = []string{"to_q", "to_k", "to_v", "to_out.0"}

func openModel(t *testing.T, numerics model.Numerics) *model.Bundle {
	t.Helper()
	b, err := model.Open(golden.Part(t, "train/model"), model.Options{Engine: cpu.New(cpu.Options{}), Partial: true, Numerics: numerics})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// curves is curves.json.
type curves struct {
	Note  string
	Noise map[string]float64
	Runs  map[string]run
}

type run struct {
	Loss     []float64
	GradNorm []float64 `json:"grad_norm"`
	LR       []float64
	FinalL2  map[string]float64 `json:"final_l2"`
	All      float64            `json:"final_l2_all"`
	Config   json.RawMessage
}

// recipe is what a run was made with.
type recipe struct {
	rank, steps, accumulate, batch int
	alpha, lr, clip, clipValue, wd float64
	seed                           int64
	numerics                       model.Numerics
	checkpointing, kaiming, half   bool
	double                         bool
	autocast                       string
	schedule                       Schedule
}

// recipes reads the configs of all runs: "main" has the defaults.
func recipes(t *testing.T, c curves) map[string]recipe {
	d := golden.Decode[struct {
		Rank  int
		Alpha float64
		LR    float64
		Seed  int64 `json:"init_seed"`
		Steps int
	}](t, "config of main", c.Runs["main"].Config)
	base := recipe{rank: d.Rank, alpha: d.Alpha, lr: d.LR, seed: d.Seed, steps: d.Steps, accumulate: 1, batch: 1, wd: 0.01, numerics: model.LikeDiffSynth}
	all := map[string]recipe{"main": base}
	for name, r := range c.Runs {
		if name == "main" {
			continue
		}
		x := base
		for k, v := range golden.Decode[map[string]string](t, name, r.Config) {
			x.set(t, name, k, v)
		}
		all[name] = x
	}
	return all
}

func (x *recipe) set(t *testing.T, run, k, v string) {
	num := func() float64 {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil {
			t.Fatalf("%s: %s: %v", run, k, err)
		}
		return f
	}
	switch k {
	case "dt":
		x.double = v == "torch.float64"
	case "compat":
		x.numerics = model.Numerics(v)
	case "ckpt":
		x.checkpointing = v == "True"
	case "init":
		x.kaiming = v == "True"
	case "half":
		x.half = v == "True"
	case "autocast":
		x.autocast = v
	case "lr":
		x.lr = num()
	case "rank":
		x.rank = int(num())
	case "alpha":
		x.alpha = num()
	case "accum":
		x.accumulate = int(num())
	case "steps":
		x.steps = int(num())
	case "bs":
		x.batch = int(num())
	case "clip":
		x.clip = num()
	case "clip_value":
		x.clipValue = num()
	case "wd":
		x.wd = num()
	case "sched":
		x.schedule = scheduleOf(t, v)
	default:
		t.Fatalf("%s: %s = %s is of no known meaning", run, k, v)
	}
}

// scheduleOf reads "('cosine', {'num_warmup_steps': 5, 'num_training_steps': 50})".
func scheduleOf(t *testing.T, text string) Schedule {
	m := regexp.MustCompile(`^\('(\w+)', (\{.*\})\)$`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("schedule %s", text)
	}
	return scheduleWith(t, m[1], []byte(strings.ReplaceAll(m[2], "'", `"`)))
}

func scheduleWith(t *testing.T, name string, options []byte) Schedule {
	o := golden.Decode[struct {
		Warmup int     `json:"num_warmup_steps"`
		Steps  int     `json:"num_training_steps"`
		Cycles float64 `json:"num_cycles"`
		Power  float64 `json:"power"`
		End    float64 `json:"lr_end"`
	}](t, name, options)
	return Schedule{name, o.Warmup, o.Steps, o.Cycles, o.Power, o.End}
}

// batches is batches.safetensors.
type batches struct {
	latents, prompts, pooled, noise []float32
	times                           []float64
	items                           []int
	rows, h, w, steps               int
}

func readBatches(t *testing.T, path string) batches {
	f := golden.Tensors(t, path)
	n := f.Get(t, "noise")
	return batches{
		nhwc(f.Get(t, "latents")), f.Get(t, "prompt_embeds").Float32s(), f.Get(t, "pooled").Float32s(), nhwc(n),
		f.Get(t, "timestep").Float64s(), f.Get(t, "item").Ints(), f.Get(t, "prompt_embeds").Shape[1], n.Shape[2], n.Shape[3], n.Shape[0],
	}
}

// at returns micro-step m of a batch size.
func (b batches) at(t *testing.T, s *sampler.Schedule, m, size int) Batch {
	first := m * size % b.steps
	level, err := s.Level(int(b.times[first]))
	if err != nil {
		t.Fatal(err)
	}
	out := Batch{H: b.h, W: b.w}
	n := len(b.noise) / b.steps
	items := len(b.latents) / n
	for i := range size {
		at := (m*size + i) % b.steps
		item := b.items[at]
		noise := b.noise[at*n:][:n]
		noisy := make([]float32, n)
		sampler.AddNoise(noisy, b.latents[item*n:][:n], noise, level)
		text, pooled := len(b.prompts)/items, len(b.pooled)/items
		h, w := float64(b.h*8), float64(b.w*8)
		out.Noisy, out.Target, out.Times = append(out.Noisy, noisy...), append(out.Target, noise...), append(out.Times, b.times[first])
		out.Conds = append(out.Conds, model.Cond{
			Rows: b.rows, Context: b.prompts[item*text:][:text], Pooled: b.pooled[item*pooled:][:pooled], TimeIDs: []float64{h, w, 0, 0, h, w},
		})
	}
	return out
}

// kolors is the noise schedule of the runs.
func kolors(t *testing.T) *sampler.Schedule {
	c, err := sampler.ParseConfig([]byte(`{"_class_name":"DDIMScheduler","beta_start":0.00085,"beta_end":0.014,"beta_schedule":"scaled_linear","num_train_timesteps":1100}`))
	if err != nil {
		t.Fatal(err)
	}
	s, err := sampler.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s.Schedule()
}

func (x recipe) trainer(t *testing.T) (*Trainer, *Adapter) {
	b := openModel(t, x.numerics)
	a, err := Attach(Match(b.UNet, targets), Init{Rank: x.rank, Alpha: x.alpha, Draw: rng.NewTorch(x.seed), Kaiming: x.kaiming, Half: x.half})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := New(b, a, Options{
		Accumulate: x.accumulate, ClipNorm: x.clip, ClipValue: x.clipValue, Checkpointing: x.checkpointing,
		Optimizer: &AdamW{LearningRate: x.lr, WeightDecay: x.wd}, Schedule: x.schedule,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr, a
}

// TestGoldenTraining trains all runs and compares every step's loss, gradient norm and
// learning rate, and where the adapter ends.
func TestGoldenTraining(t *testing.T) {
	c := golden.JSON[curves](t, golden.Part(t, "train/curves.json"))
	data := readBatches(t, golden.Part(t, "train/batches.safetensors"))
	for name, x := range recipes(t, c) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trainRun(t, x, c.Runs[name], data)
		})
	}
}

// tolerances of a run: decisions 16 for float32 and what float32 allows for float64;
// arithmetic in 8 or 11 bits is compared loosely.
func (x recipe) tolerance() golden.Tol {
	switch {
	case x.autocast == "torch.bfloat16":
		return golden.Tol{Rel: 0.1, From: "the reference's arithmetic has 8 bits"}
	case x.autocast != "":
		return golden.Tol{Rel: 1e-2, From: "the reference's arithmetic has 11 bits"}
	case x.double:
		return golden.Tol{Rel: 1e-5, From: "decisions 16; the reference is float64"}
	}
	return golden.Tol{Rel: 1e-5, From: "decisions 16"}
}

func trainRun(t *testing.T, x recipe, want run, data batches) {
	tr, a := x.trainer(t)
	s := kolors(t)
	var loss, norm, rate []float64
	for step := range x.steps {
		sum := 0.
		for m := range x.accumulate {
			l, err := tr.Micro(t.Context(), data.at(t, s, step*x.accumulate+m, x.batch))
			if err != nil {
				t.Fatal(err)
			}
			sum += l / float64(x.accumulate)
		}
		u, err := tr.Update()
		if err != nil {
			t.Fatal(err)
		}
		loss, norm, rate = append(loss, sum), append(norm, u.Norm), append(rate, u.Rate)
	}
	tol := x.tolerance()
	if beyond(loss, want.Loss, tol) && x.plain() {
		x.closeToExact(t, loss, want.Loss, data)
		return
	}
	d := golden.Close(t, "loss", loss, want.Loss, tol)
	loose := golden.Tol{Rel: 10 * tol.Rel, From: "10 × the loss's: " + tol.From}
	golden.Close(t, "grad_norm", norm, want.GradNorm, loose)
	golden.Close(t, "lr", rate, want.LR, golden.Tol{Rel: 1e-12, From: "float64"})
	t.Logf("losses differ by at most %.2g", d)
	var all float64
	for i, l := range a.Layers {
		for k, p := range []string{"lora_A", "lora_B"} {
			v := tr.Params()[2*i+k].Value.Data().([]float32)
			n := length(v)
			all += n * n
			if w, ok := want.FinalL2[l.Name+"."+p]; ok {
				golden.Close(t, l.Name+"."+p, []float64{n}, []float64{w}, loose)
			}
		}
	}
	golden.Close(t, "final_l2_all", []float64{math.Sqrt(all)}, []float64{want.All}, loose)
}

// plain says that exactRun can take the run.
func (x recipe) plain() bool {
	return x.accumulate == 1 && x.clip == 0 && x.clipValue == 0 && x.schedule.Name == "" && x.autocast == ""
}

func beyond(have, want []float64, tol golden.Tol) bool {
	for i := range want {
		if math.Abs(have[i]-want[i]) > tol.Abs+tol.Rel*math.Abs(want[i]) {
			return true
		}
	}
	return false
}

// closeToExact is for runs in which the reference's own rounding was enlarged: each
// loss must be within 10 times the reference's distance from float64 of it.
func (x recipe) closeToExact(t *testing.T, have, want []float64, data batches) {
	exact, _ := exactRun(t, x, data, x.steps)
	for i := range want {
		own := math.Abs(want[i] - exact[i])
		golden.Close(t, fmt.Sprintf("loss %d", i), have[i:i+1], want[i:i+1], golden.Tol{Abs: 10 * own, Rel: 1e-5, From: "decisions 16, or 10 × the reference's float32 error in this step"})
		if math.Abs(have[i]-want[i]) > 1e-5*want[i] {
			t.Logf("step %d: %.2g from the reference, %.2g from float64; the reference is %.2g from float64", i, math.Abs(have[i]-want[i]), math.Abs(have[i]-exact[i]), own)
		}
	}
}

func length(v []float32) float64 {
	var s float64
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	return math.Sqrt(s)
}

// TestGoldenMain compares single numbers of the run "main": where it begins, its first
// prediction, the gradients of two steps, and A and B at its end.
func TestGoldenMain(t *testing.T) {
	c := golden.JSON[curves](t, golden.Part(t, "train/curves.json"))
	x := recipes(t, c)["main"]
	m := mainRun{
		recipe: x, data: readBatches(t, golden.Part(t, "train/batches.safetensors")),
		file: golden.Tensors(t, golden.Part(t, "train/tensors_main.safetensors")),
	}
	m.tr, m.a = x.trainer(t)
	s := kolors(t)
	m.params(t, 0, golden.Tol{From: "peft's own draws"})
	for step := range x.steps {
		b := m.data.at(t, s, step, 1)
		if _, err := m.tr.Micro(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if step == 0 {
			golden.Close(t, "noisy.1", b.Noisy, nhwc(m.file.Get(t, "noisy.1")), golden.Tol{Abs: 1e-6, From: "float32 sums of two products"})
			golden.Close(t, "pred.1", m.tr.Prediction(b), nhwc(m.file.Get(t, "pred.1")), golden.Tol{Abs: 1e-5, From: "10 × float32 error of such networks"})
			m.compared += 2
		}
		m.gradients(t, step+1)
		if _, err := m.tr.Update(); err != nil {
			t.Fatal(err)
		}
	}
	m.params(t, x.steps, golden.Tol{Abs: 2 * x.lr, From: "AdamW's first steps have the learning rate's size whatever the gradient's, so that a rounded sign counts one step or two"})
	if m.compared != len(m.file.Tensors) {
		t.Errorf("%d tensors compared, want %d", m.compared, len(m.file.Tensors))
	}
}

type mainRun struct {
	recipe
	data     batches
	file     *golden.File
	tr       *Trainer
	a        *Adapter
	compared int
}

// keys yields the stored tensors of a kind, "grad.1.", by parameter.
func (m *mainRun) keys(prefix string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for i, l := range m.a.Layers {
			for k, half := range []string{".lora_A", ".lora_B"} {
				if key := prefix + l.Name + half; m.file.Has(key) && !yield(2*i+k, key) {
					return
				}
			}
		}
	}
}

func (m *mainRun) params(t *testing.T, step int, tol golden.Tol) {
	for i, key := range m.keys(fmt.Sprintf("param.%d.", step)) {
		golden.Close(t, key, data32(m.tr, i), m.file.Get(t, key).Float32s(), tol)
		m.compared++
	}
}

// gradients allows 1e-5 of the largest number of all A or all B, or ten times what the
// reference itself is away from float64.
func (m *mainRun) gradients(t *testing.T, step int) {
	var tops [2]float64
	for i, key := range m.keys(fmt.Sprintf("grad.%d.", step)) {
		tops[i%2] = max(tops[i%2], largest(m.file.Get(t, key).Float32s()))
	}
	var exact [][]float64
	for i, key := range m.keys(fmt.Sprintf("grad.%d.", step)) {
		have, want := m.tr.Gradients()[i], m.file.Get(t, key).Float32s()
		tol := golden.Tol{Abs: 1e-5 * tops[i%2], From: "issue: gradients within 1e-5 of the largest"}
		if beyond(wide(have), wide(want), tol) {
			if exact == nil {
				_, exact = exactRun(t, m.recipe, m.data, step)
			}
			own := 0.
			for j := range want {
				own = max(own, math.Abs(float64(want[j])-exact[i][j]))
			}
			tol = golden.Tol{Abs: 10 * own, From: "10 × the reference's float32 error"}
			t.Logf("%s: the reference is %.2g from float64, the largest gradient %.2g", key, own, tops[i%2])
		}
		golden.Close(t, key, have, want, tol)
		m.compared++
	}
}

func data32(tr *Trainer, i int) []float32 { return tr.Params()[i].Value.Data().([]float32) }

func largest(v []float32) float64 {
	var m float64
	for _, x := range v {
		m = max(m, math.Abs(float64(x)))
	}
	return m
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

type initRun struct {
	Scaling float64
	Next    float64 `json:"next_rand_after"`
	Modules [][]any
}

// TestGoldenInit draws A as peft does and compares bits, and where the generator stands
// after that.
func TestGoldenInit(t *testing.T) {
	file := golden.JSON[struct {
		Note    string
		Columns []string
		Runs    map[string]initRun
	}](t, golden.Part(t, "train/init.json"))
	stored := golden.Tensors(t, golden.Part(t, "train/init.safetensors"))
	for name, r := range file.Runs {
		t.Run(name, func(t *testing.T) { initCase(t, name, r, stored) })
	}
}

func initCase(t *testing.T, name string, r initRun, stored *golden.File) {
	words := strings.Split(name, "_")
	seed, err := strconv.ParseInt(strings.TrimPrefix(words[0], "seed"), 10, 64)
	if err != nil || len(words) < 2 || words[1] != "gaussian" && words[1] != "kaiming" {
		t.Fatalf("case %s", name)
	}
	rank := int(r.Modules[0][1].([]any)[0].(float64))
	g := rng.NewTorch(seed)
	b := openModel(t, "")
	a, err := Attach(Match(b.UNet, targets), Init{Rank: rank, Alpha: r.Scaling * float64(rank), Draw: g, Kaiming: words[1] == "kaiming", Half: len(words) == 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Layers) != len(r.Modules) {
		t.Fatalf("%d layers, want %d", len(a.Layers), len(r.Modules))
	}
	for i, row := range r.Modules {
		v := data(a.A[i])
		if a.Layers[i].Name != row[0] {
			t.Fatalf("layer %d is %s, want %s", i, a.Layers[i].Name, row[0])
		}
		var sum float64
		for _, x := range v {
			sum += float64(x)
		}
		golden.Close(t, a.Layers[i].Name, []float64{sum, length(v)}, []float64{row[2].(float64), row[3].(float64)}, golden.Tol{Abs: 1e-9, From: "sums in float64"})
		for k, want := range row[4].([]any) {
			if float64(v[k]) != want.(float64) {
				t.Fatalf("%s[%d] = %.9g, want %.9g", row[0], k, v[k], want)
			}
		}
		if key := name + "." + a.Layers[i].Name; stored.Has(key) {
			golden.Equal(t, key, v, stored.Get(t, key).Float32s())
		}
	}
	var next [1]float32
	g.Uniform(next[:], rng.F32)
	if float64(next[0]) != r.Next {
		t.Errorf("the next number is %v, want %v", next[0], r.Next)
	}
}

// TestGoldenModules matches targets against the real models' layers.
func TestGoldenModules(t *testing.T) {
	z, err := gzip.NewReader(bytes.NewReader(golden.Bytes(t, golden.Part(t, "train/matched_modules.json.gz"))))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	type matched struct {
		Targets    string
		Count      int
		Kinds      map[string]int
		Modules    []string
		Parameters []int `json:"parameters_r4_r16"`
	}
	for key, raw := range golden.Decode[map[string]json.RawMessage](t, "matched modules", text) {
		name, _, ok := strings.Cut(key, ".")
		if !ok {
			continue // what peft says to a name that hits a list of modules
		}
		want := golden.Decode[matched](t, key, raw)
		layers := Match(realUNet(t, name), strings.Split(want.Targets, ","))
		if want.Modules == nil { // lists of modules count there, which are no layers
			checkCounts(t, key, layers, want.Kinds)
			continue
		}
		var names []string
		numbers := 0
		for _, l := range layers {
			names = append(names, l.Name)
			numbers += l.Weight.Shape[0] + l.Weight.Shape[1]
		}
		golden.Equal(t, key, names, want.Modules)
		golden.Equal(t, key+" parameters", []int{4 * numbers, 16 * numbers}, want.Parameters)
	}
}

func checkCounts(t *testing.T, key string, layers []Layer, kinds map[string]int) {
	have := map[string]int{}
	for _, l := range layers {
		have[map[bool]string{true: "Conv2d", false: "Linear"}[len(l.Weight.Shape) == 4]]++
	}
	for kind, n := range kinds {
		if kind != "ModuleList" && have[kind] != n {
			t.Errorf("%s: %d of %s, want %d", key, have[kind], kind, n)
		}
	}
}

// realUNet is an unbound network of a published model's shape.
func realUNet(t *testing.T, name string) *unet.UNet {
	configs := map[string]string{
		"sd14": `{"sample_size":64,"block_out_channels":[320,640,1280,1280],"attention_head_dim":8,"cross_attention_dim":768,
			"down_block_types":["CrossAttnDownBlock2D","CrossAttnDownBlock2D","CrossAttnDownBlock2D","DownBlock2D"],
			"up_block_types":["UpBlock2D","CrossAttnUpBlock2D","CrossAttnUpBlock2D","CrossAttnUpBlock2D"]}`,
		"sdxl":   sdxlConfig(`"projection_class_embeddings_input_dim":2816`),
		"kolors": sdxlConfig(`"projection_class_embeddings_input_dim":5632,"encoder_hid_dim":4096,"encoder_hid_dim_type":"text_proj"`),
	}
	c, err := unet.Parse([]byte(configs[name]))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return unet.New(c)
}

func sdxlConfig(more string) string {
	return `{"sample_size":128,"block_out_channels":[320,640,1280],"attention_head_dim":[5,10,20],"cross_attention_dim":2048,
		"transformer_layers_per_block":[1,2,10],"use_linear_projection":true,"addition_embed_type":"text_time","addition_time_embed_dim":256,
		"down_block_types":["DownBlock2D","CrossAttnDownBlock2D","CrossAttnDownBlock2D"],
		"up_block_types":["CrossAttnUpBlock2D","CrossAttnUpBlock2D","UpBlock2D"],` + more + `}`
}

// adamRun is a run of adamw.json.
type adamRun struct {
	Options struct {
		LR      float64
		Decay   *float64 `json:"weight_decay"`
		Eps     float64
		Betas   []float64
		AMSGrad bool
	}
	Grads, Params [][]float64
	M             []float64 `json:"exp_avg"`
	V             []float64 `json:"exp_avg_sq"`
}

func TestGoldenAdamW(t *testing.T) {
	file := golden.JSON[struct {
		Note string
		Runs map[string]adamRun
	}](t, golden.Part(t, "train/adamw.json"))
	for name, r := range file.Runs {
		t.Run(name, func(t *testing.T) {
			switch {
			case strings.HasSuffix(name, ".float32"):
				adamCase[float32](t, r, golden.Tol{Abs: 1e-7, Rel: 1e-7, From: "issue: AdamW 1e-7"})
			case strings.HasSuffix(name, ".float64"):
				adamCase[float64](t, r, golden.Tol{Rel: 1e-12, Abs: 1e-14, From: "float64"})
			default:
				t.Fatal("of no known type")
			}
		})
	}
}

func adamCase[T float32 | float64](t *testing.T, r adamRun, tol golden.Tol) {
	o := &AdamW{LearningRate: r.Options.LR, Eps: r.Options.Eps, WeightDecay: 0.01, AMSGrad: r.Options.AMSGrad}
	if r.Options.Decay != nil {
		o.WeightDecay = *r.Options.Decay
	}
	if b := r.Options.Betas; b != nil {
		o.Beta1, o.Beta2 = b[0], b[1]
	}
	of := func(v []float64) *tensor.Dense {
		w := make([]T, len(v))
		for i := range v {
			w[i] = T(v[i])
		}
		return tensor.New(tensor.WithShape(len(w)), tensor.WithBacking(w))
	}
	p := of(r.Params[0])
	for i, g := range r.Grads {
		if err := o.Step([]gorgonia.ValueGrad{valueGrad{p, of(g)}}); err != nil {
			t.Fatal(err)
		}
		golden.Close(t, fmt.Sprintf("params[%d]", i+1), p.Data().([]T), r.Params[i+1], tol)
	}
	moments := golden.Tol{Rel: 10 * max(tol.Rel, 1e-15), Abs: tol.Abs, From: "sums of 20 terms"}
	golden.Close(t, "exp_avg", o.M[0].([]T), r.M, moments)
	golden.Close(t, "exp_avg_sq", o.V[0].([]T), r.V, moments)
}

// TestGoldenGradScaler trains three numbers through overflows.
func TestGoldenGradScaler(t *testing.T) {
	file := golden.JSON[struct {
		Note     string
		Defaults map[string]float64
		Trace    []struct {
			Step          int
			ScaleBefore   float64  `json:"scale_before"`
			ScaledGrad    []string `json:"scaled_grad"`
			UnscaledGrad  []string `json:"unscaled_grad"`
			Skipped       bool
			Param         []float64
			ScaleAfter    float64 `json:"scale_after"`
			GrowthTracker int     `json:"growth_tracker"`
			AdamStep      int     `json:"adam_step"`
		}
	}](t, golden.Part(t, "train/gradscaler.json"))
	s := NewLossScaler()
	if s.Scale != file.Defaults["init_scale"] || float64(s.Interval) != file.Defaults["growth_interval"] {
		t.Errorf("defaults %+v, want %v", s, file.Defaults)
	}
	s.Interval = 3
	o := &AdamW{LearningRate: 0.1, WeightDecay: 0.01}
	p := tensor.New(tensor.WithShape(3), tensor.WithBacking([]float32{1, 1, 1}))
	for _, row := range file.Trace {
		if s.Scale != row.ScaleBefore {
			t.Fatalf("step %d: scale %v, want %v", row.Step, s.Scale, row.ScaleBefore)
		}
		g := make([]float32, 3)
		finite := true
		for i, text := range row.ScaledGrad {
			x, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			g[i] = float32(x / s.Scale)
			finite = finite && !math.IsNaN(x) && !math.IsInf(x, 0)
		}
		if finite == row.Skipped {
			t.Fatalf("step %d: skipped %v", row.Step, row.Skipped)
		}
		s.Update(finite)
		if finite {
			if err := o.Step([]gorgonia.ValueGrad{valueGrad{p, tensor.New(tensor.WithShape(3), tensor.WithBacking(g))}}); err != nil {
				t.Fatal(err)
			}
		}
		golden.Close(t, fmt.Sprintf("param after step %d", row.Step), p.Data().([]float32), row.Param, golden.Tol{Abs: 1e-6, From: "issue: AdamW 1e-7 of values of size 1, a few steps on"})
		if s.Scale != row.ScaleAfter || s.Good != row.GrowthTracker || o.Steps != row.AdamStep {
			t.Fatalf("step %d: scale %v, tracker %d, steps %d, want %v, %d, %d", row.Step, s.Scale, s.Good, o.Steps, row.ScaleAfter, row.GrowthTracker, row.AdamStep)
		}
	}
}

func TestGoldenSchedules(t *testing.T) {
	for name, r := range golden.JSON[map[string]struct {
		Options json.RawMessage
		Base    float64   `json:"base_lr"`
		Rates   []float64 `json:"lr_used_in_step"`
	}](t, golden.Part(t, "train/schedules.json")) {
		s := scheduleWith(t, name, r.Options)
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		var rates []float64
		for i := range r.Rates {
			rates = append(rates, s.Rate(r.Base, i))
		}
		golden.Close(t, name, rates, r.Rates, golden.Tol{Rel: 1e-12, Abs: 1e-20, From: "float64"})
	}
}

// pictureFile is pictures.json.
type pictureFile struct {
	Note  string
	Cases []struct {
		Key, File     string
		Height, Width int
		Center        bool `json:"center_crop"`
		Flip          bool `json:"random_flip"`
		Seed          int64
		Resized       []int
		Next          float64  `json:"next_rand"`
		Crop          []int    `json:"crop_top_left"`
		FlipRand      *float64 `json:"flip_rand"`
	}
	Epoch map[string]struct {
		Items []struct {
			Index    int
			Randint  int
			DataID   int      `json:"data_id"`
			Crop     []int    `json:"crop_top_left"`
			FlipRand *float64 `json:"flip_rand"`
		}
		Next float64 `json:"next_rand_after_epoch"`
	}
	TimeIDs []struct {
		Size      []int
		Seed      []float64 `json:"add_time_ids_seed"`
		Diffusers []float64 `json:"add_time_ids_diffusers"`
	} `json:"time_ids"`
}

func TestGoldenPictures(t *testing.T) {
	file := golden.JSON[pictureFile](t, golden.Part(t, "train/pictures.json"))
	stored := golden.Tensors(t, golden.Part(t, "train/pictures.safetensors"))
	dir := golden.Part(t, "train")
	for _, c := range file.Cases {
		pic, err := imageio.Decode(golden.Bytes(t, filepath.Join(dir, c.File)), imageio.Strict)
		if err != nil {
			t.Fatal(err)
		}
		p := Prepare{Height: c.Height, Width: c.Width, Center: c.Center, Flip: c.Flip}
		g := rng.NewTorch(c.Seed)
		cut, err := p.Draw(pic.Width, pic.Height, g)
		if err != nil {
			t.Fatal(err)
		}
		if w, h := p.Resized(pic.Width, pic.Height); h != c.Resized[0] || w != c.Resized[1] {
			t.Errorf("%s: resized to %d×%d, want %v", c.Key, w, h, c.Resized)
		}
		if c.Crop != nil && (cut.Top != c.Crop[0] || cut.Left != c.Crop[1]) {
			t.Errorf("%s: cut at %+v, want %v", c.Key, cut, c.Crop)
		}
		if c.FlipRand != nil && cut.Flip != (*c.FlipRand < 0.5) {
			t.Errorf("%s: flip %v, want %v", c.Key, cut.Flip, *c.FlipRand)
		}
		var next [1]float32
		g.Uniform(next[:], rng.F32)
		if float64(next[0]) != c.Next {
			t.Errorf("%s: the next number is %v, want %v", c.Key, next[0], c.Next)
		}
		q, err := p.Bytes(pic, cut)
		if err != nil {
			t.Fatal(err)
		}
		golden.Equal(t, c.Key, q.Pix, stored.Get(t, c.Key+".u8").Data)
		if stored.Has(c.Key) {
			x := stored.Get(t, c.Key)
			x.Shape = append([]int{1}, x.Shape...)
			golden.Equal(t, c.Key+" as numbers", Tensor(q).Pix, nhwc(x))
		}
	}
}

// TestGoldenEpoch draws what an epoch of a shuffling loader draws.
func TestGoldenEpoch(t *testing.T) {
	file := golden.JSON[pictureFile](t, golden.Part(t, "train/pictures.json"))
	files := strings.Split("wide tall small square alpha", " ") // as the file's note says
	dir := golden.Part(t, "train/pictures")
	for name, e := range file.Epoch {
		seed, err := strconv.ParseInt(strings.TrimPrefix(name, "seed"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		g := rng.NewTorch(seed)
		for i, index := range g.EpochOrder(len(e.Items)) {
			want := e.Items[i]
			id, draw, err := Pick(g, index, len(files))
			if err != nil {
				t.Fatal(err)
			}
			if index != want.Index || draw != want.Randint || id != want.DataID {
				t.Fatalf("%s: item %d is %d, %d, %d, want %+v", name, i, index, draw, id, want)
			}
			info, err := imageio.HeaderFile(filepath.Join(dir, files[id]+".png"), imageio.Strict)
			if err != nil {
				t.Fatal(err)
			}
			cut, err := Prepare{Height: 32, Width: 24, Flip: true}.Draw(info.Width, info.Height, g)
			if err != nil {
				t.Fatal(err)
			}
			if cut.Top != want.Crop[0] || cut.Left != want.Crop[1] || cut.Flip != (*want.FlipRand < 0.5) {
				t.Fatalf("%s: item %d is cut at %+v, want %+v", name, i, cut, want)
			}
		}
		var next [1]float32
		g.Uniform(next[:], rng.F32)
		if float64(next[0]) != e.Next {
			t.Errorf("%s: the next number is %v, want %v", name, next[0], e.Next)
		}
	}
	for _, ids := range file.TimeIDs {
		have := TimeIDs(ids.Size[0], ids.Size[1])
		golden.Equal(t, "time ids", have, ids.Seed)
		golden.Equal(t, "time ids", have, ids.Diffusers)
	}
}

// TestGoldenEncode turns pictures into latents.
func TestGoldenEncode(t *testing.T) {
	f := golden.Tensors(t, golden.Part(t, "train/vae.safetensors"))
	floor, err := strconv.ParseFloat(f.Meta["fp32_vs_fp64_max_abs"], 64)
	if err != nil {
		t.Fatal(err)
	}
	b := openModel(t, "")
	x := f.Get(t, "image")
	n, h, w := x.Shape[0], x.Shape[2], x.Shape[3]
	pix := nhwc(x)
	tol := golden.Tol{Abs: 10 * floor, From: "10 × the case's float32 error"}
	for i := range n {
		p := model.Picture{H: h, W: w, C: 3, Pix: pix[i*h*w*3:][:h*w*3]}
		m, err := b.EncodeImage(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		part := func(key string) []float32 {
			v := nhwc(f.Get(t, key))
			return v[i*len(v)/n:][:len(v)/n]
		}
		golden.Close(t, "latents_seed", b.Mean(m).Pix, part("latents_seed"), tol)
		golden.Close(t, "latents_sampled", b.Sample(m, part("noise")).Pix, part("latents_sampled"), tol)
	}
}
