package train

import (
	"fmt"
	"iter"
	"math"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

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
			m.prediction(t, b)
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

// prediction compares what the network answers in the first step.
func (m *mainRun) prediction(t *testing.T, b Batch) {
	want := nhwc(m.file.Get(t, "pred.1"))
	own := 0.
	for i, x := range exactRun(t, m.recipe, m.data, 1).first {
		own = max(own, math.Abs(x-float64(want[i])))
	}
	d := golden.Close(t, "pred.1", m.tr.Prediction(b), want, golden.Tol{Abs: 10 * own, From: "10 × the reference's float32 error"})
	t.Logf("prediction: %.2g from the reference, which is %.2g from float64", d, own)
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
				exact = exactRun(t, m.recipe, m.data, step).grads
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
