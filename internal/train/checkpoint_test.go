package train

import (
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/cpu"
	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
	"github.com/easel-go/easel/internal/graph/plan"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/nn"
)

// TestCheckpointing takes steps with and without recomputation: every bit is the same,
// and the activations take less memory.
func TestCheckpointing(t *testing.T) {
	c := golden.JSON[curves](t, golden.Part(t, "train/curves.json"))
	data := readBatches(t, golden.Part(t, "train/batches.safetensors"))
	s := kolors(t)
	var slab [2]int64
	var bits [2][]float32
	for i := range 2 {
		x := recipes(t, c)["main"]
		x.checkpointing = i == 1
		tr, _ := x.trainer(t)
		for step := range 3 {
			l, err := tr.Micro(t.Context(), data.at(t, s, step, 1))
			if err != nil {
				t.Fatal(err)
			}
			bits[i] = append(bits[i], float32(l))
			for _, g := range tr.Gradients() {
				bits[i] = append(bits[i], g...)
			}
			if _, err := tr.Update(); err != nil {
				t.Fatal(err)
			}
		}
		slab[i] = tr.Memory()
	}
	golden.Equal(t, "losses and gradients", bits[1], bits[0])
	t.Logf("%d bytes of activations, %d with recomputation", slab[0], slab[1])
	if slab[1] >= slab[0] {
		t.Error("recomputation saves nothing")
	}
}

// TestCheckpointingOfSD compiles, without running it, a step of SD 1.4 at 256×256:
// recomputation keeps a third of the activations for 1.4 times the work at most.
func TestCheckpointingOfSD(t *testing.T) {
	u := realUNet(t, "sd14")
	for name, p := range nn.Walk[*nn.Param](u) {
		p.Name, p.Value = name, tensor.New(tensor.WithShape(p.Shape...), tensor.WithBacking(make([]engine.F16, p.Shape.TotalSize())))
	}
	a, err := Attach(Match(u, targets), Init{Rank: 16, Alpha: 4})
	if err != nil {
		t.Fatal(err)
	}
	e := cpu.New(cpu.Options{})
	defer e.Close()
	var progs [2]*plan.Program
	for i, checkpoint := range []func(*graph.Node) int{nil, segments()} {
		g := graph.New()
		pred := u.Forward(g, model.UNetInputs(g, u.Config(), 1, 32, 32, 77, false))
		loss := op.MSE(g, pred, g.Input("target", tensor.Float32, g.Desc(pred).Shape...), g.Input("weight", tensor.Float32, 1))
		var wrt []*graph.Node
		for _, p := range a.Params() {
			wrt = append(wrt, p.Variable(g))
		}
		outs := append([]*graph.Node{loss}, graph.Backprop(g, loss, wrt...)...)
		if progs[i], err = plan.Compile(g, plan.Options{Engine: e, Checkpoint: checkpoint}, outs...); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d MB of activations, %.0f GFLOP, %d steps", progs[i].SlabBytes()>>20, progs[i].FLOPs()/1e9, progs[i].Steps())
	}
	if saved := float64(progs[0].SlabBytes()) / float64(progs[1].SlabBytes()); saved < 3 {
		t.Errorf("memory falls to 1/%.2f, want 1/3", saved)
	}
	if work := progs[1].FLOPs() / progs[0].FLOPs(); work > 1.4 {
		t.Errorf("%.2f times the work, want 1.4 at most", work)
	}
}
