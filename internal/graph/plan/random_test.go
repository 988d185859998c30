package plan

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/easel-go/easel/internal/engine/enginetest"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/graphtest"
	"github.com/easel-go/easel/internal/graph/op"
)

// randomNet builds a graph of activations [4, 4, 16] by random ops on random earlier
// results: views, slices, sums, layers, norms, used once, often or never.
func randomNet(s *sample, rng *rand.Rand, ops int) []*graph.Node {
	b := s.Builder
	const rows, c = 4, 16
	made := []*graph.Node{s.input("x", 4, rows, c), s.input("y", 4, rows, c)}
	for i := range ops {
		leave := b.Scope(fmt.Sprint(1 + i*4/ops))
		x, y := made[rng.IntN(len(made))], made[len(made)-1-rng.IntN(min(3, len(made)))]
		name := fmt.Sprint("w", i)
		var z *graph.Node
		switch rng.IntN(11) {
		case 0:
			z = op.Linear(b, x, s.weight(name, c, c), s.weight(name+"b", c))
		case 1:
			z = op.Add(b, y, op.Linear(b, x, s.trained(name, c, c), nil))
		case 2:
			z = op.SiLU(b, op.Linear(b, y, s.weight(name, c, c), nil))
		case 3:
			z = op.GEGLU(b, op.Linear(b, y, s.weight(name, 2*c, c), s.weight(name+"b", 2*c)))
		case 4:
			z = op.Tanh(b, y)
		case 5:
			z = op.Mul(b, op.Sigmoid(b, x), y)
		case 6:
			z = op.SiLU(b, op.GroupNorm(b, x, s.weight(name, c), s.weight(name+"b", c), 4, 1e-5))
		case 7: // halves as views, joined the other way round
			flat := op.Reshape(b, y, 1, 4*rows*c)
			z = op.Reshape(b, op.Concat(b, 1, op.Slice(b, flat, 1, 2*rows*c, 4*rows*c), op.Slice(b, flat, 1, 0, 2*rows*c)), 4, rows, c)
		case 8:
			z = op.Attention(b, x, y, y, op.Attn{Heads: 2})
		case 9:
			z = op.LayerNorm(b, op.LinComb(b, []float32{1, -0.5, 2}, x, y, x), nil, nil, 1e-5)
		case 10:
			z = op.Permute(b, op.Reshape(b, op.Tanh(b, op.Permute(b, x, 0, 2, 1)), 4, c, rows), 0, 2, 1)
		}
		made = append(made, z)
		leave()
	}
	last := made[len(made)-1]
	return []*graph.Node{op.MSE(b, last, s.input("target", 4, rows, c), nil), made[len(made)/2], last}
}

// TestRandomGraphs holds programs that share memory, and programs with checkpoints,
// against ones that do neither, bit for bit.
func TestRandomGraphs(t *testing.T) {
	for seed := range uint64(20) {
		s := newSample()
		outs := randomNet(s, rand.New(rand.NewPCG(seed, 3)), 30)
		outs = append(outs, graph.Backprop(s.Builder, outs[0], s.train...)...)
		o := Options{Engine: enginetest.Engine{}}
		want := run(t, s.vm(t, compileApart(t, s.Builder, o, outs...), nil))
		for i, exact := range graphtest.Eval(s.Builder, s.values, outs...) {
			nearLargest(t, fmt.Sprintf("seed %d, output %d", seed, i), want[i], exact)
		}
		for _, checkpoints := range []bool{false, true} {
			if checkpoints {
				o.Checkpoint = segment
			}
			p, err := Compile(s.Builder, o, outs...)
			have := run(t, s.vm(t, p, err))
			for i := range want {
				if !slices.Equal(have[i], want[i]) {
					t.Fatalf("seed %d, checkpoints %v: output %d of %d differs\n%s", seed, checkpoints, i, len(outs), p)
				}
			}
		}
	}
}

// nearLargest compares with a bound on the rounding between 30 steps, in units of the
// largest number.
func nearLargest(t *testing.T, what string, have []float32, want []float64) {
	t.Helper()
	var largest, worst float64
	for i, w := range want {
		largest = max(largest, math.Abs(w))
		worst = max(worst, math.Abs(float64(have[i])-w))
	}
	if worst > 1e-5*largest+1e-9 { // a gradient may be zero but for rounding
		t.Errorf("%s is off by %.2g, its largest number %.2g", what, worst, largest)
	}
}
