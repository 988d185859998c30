package train

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/cpu"
	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/model"
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
	var compute tensor.Dtype
	if x.autocast == "torch.bfloat16" {
		compute = engine.Bfloat16
	}
	tr, err := New(b, a, Options{
		Compute: compute, Accumulate: x.accumulate, ClipNorm: x.clip, ClipValue: x.clipValue, Checkpointing: x.checkpointing,
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
	all := recipes(t, c)
	own := ownErrorsOf(c, all)
	for name, x := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trainRun(t, x, c.Runs[name], data, own)
		})
	}
}

// ownErrors are how far the reference's float32 runs are from their twins in float64.
type ownErrors struct {
	norm float64            // of gradient norms, relatively, the worst of all
	loss map[recipe]float64 // of a run's losses, the worst
}

func ownErrorsOf(c curves, all map[string]recipe) ownErrors {
	own := ownErrors{loss: map[recipe]float64{}}
	for name, x := range all {
		for twin, y := range all {
			if x.double || !y.double || x != y.single() {
				continue
			}
			for i, n := range c.Runs[twin].GradNorm {
				own.norm = max(own.norm, math.Abs(c.Runs[name].GradNorm[i]-n)/n)
				own.loss[x] = max(own.loss[x], math.Abs(c.Runs[name].Loss[i]-c.Runs[twin].Loss[i]))
			}
		}
	}
	return own
}

// single is the recipe in float32.
func (x recipe) single() recipe {
	x.double = false
	return x
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

func trainRun(t *testing.T, x recipe, want run, data batches, own ownErrors) {
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
	loose := golden.Tol{Rel: 10 * max(tol.Rel, own.norm), From: "10 × the reference's float32 error of norms, or of the loss"}
	end, wantEnd := ends(tr, a, want)
	golden.Close(t, "lr", rate, want.LR, golden.Tol{Rel: 1e-12, From: "float64"})
	if x.autocast == "" && (beyond(loss, want.Loss, tol) || beyond(norm, want.GradNorm, loose) || beyond(end, wantEnd, loose)) {
		e := exactRun(t, x, data, x.steps)
		closeToExact(t, "loss", loss, want.Loss, e.losses, own.loss[x.single()], tol)
		closeToExact(t, "grad_norm", norm, want.GradNorm, e.norms, 0, loose)
		closeToEnds(t, a, want, end, wantEnd, e.ends, loose)
		return
	}
	d := golden.Close(t, "loss", loss, want.Loss, tol)
	golden.Close(t, "grad_norm", norm, want.GradNorm, loose)
	golden.Close(t, "lengths at the end", end, wantEnd, loose)
	t.Logf("losses differ by at most %.2g", d)
}

// ends are the lengths of the matrices that a run recorded, and of all together, at its
// end: what they are and what they were.
func ends(tr *Trainer, a *Adapter, want run) (have, wanted []float64) {
	var all float64
	for i, p := range tr.Params() {
		n := length(data(p))
		all += n * n
		if w, ok := want.FinalL2[a.Layers[i/2].Name+halves[i%2]]; ok {
			have, wanted = append(have, n), append(wanted, w)
		}
	}
	return append(have, math.Sqrt(all)), append(wanted, want.All)
}

var halves = [2]string{".lora_A", ".lora_B"}

// closeToEnds compares lengths at the end of a run in which rounding was enlarged: within
// ten times the reference's own worst error.
func closeToEnds(t *testing.T, a *Adapter, want run, end, wantEnd, exact []float64, tol golden.Tol) {
	var recorded []float64
	var all float64
	for i, n := range exact {
		all += n * n
		if _, ok := want.FinalL2[a.Layers[i/2].Name+halves[i%2]]; ok {
			recorded = append(recorded, n)
		}
	}
	for i, n := range append(recorded, math.Sqrt(all)) {
		tol.Rel = max(tol.Rel, 10*math.Abs(wantEnd[i]-n)/n)
	}
	golden.Close(t, "lengths at the end", end, wantEnd, tol)
}

func beyond(have, want []float64, tol golden.Tol) bool {
	for i := range want {
		if math.Abs(have[i]-want[i]) > tol.Abs+tol.Rel*math.Abs(want[i]) {
			return true
		}
	}
	return false
}

// closeToExact is for runs in which rounding was enlarged: each number must be within
// 10 times what the reference was away from float64 by then, in the worst step, or own.
func closeToExact(t *testing.T, what string, have, want, exact []float64, own float64, tol golden.Tol) {
	for i := range want {
		own = max(own, math.Abs(want[i]-exact[i]))
		golden.Close(t, fmt.Sprintf("%s %d", what, i), have[i:i+1], want[i:i+1], golden.Tol{Abs: 10 * own, Rel: tol.Rel, From: tol.From + ", or 10 × the reference's float32 error by this step"})
		if d := math.Abs(have[i] - want[i]); d > tol.Rel*math.Abs(want[i]) {
			t.Logf("%s of step %d: %.2g from the reference, %.2g from float64; the reference is %.2g from float64", what, i, d, math.Abs(have[i]-exact[i]), own)
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
