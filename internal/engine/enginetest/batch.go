package enginetest

import (
	"testing"

	"github.com/easel-go/easel/internal/engine"
)

// alone returns op for one item of its batch, how many there are, and the operands
// that all items share; 0 if op has no batch.
func alone(op engine.Op) (one engine.Op, n int, shared map[string]bool) {
	shared = map[string]bool{"w": true, "bias": true, "gamma": true, "beta": true}
	switch op := op.(type) {
	case engine.Linear:
		n, op.Batch = op.Batch, 1
		return op, n, shared
	case engine.Conv2D:
		n, op.Batch = op.Batch, 1
		return op, n, shared
	case engine.Conv2DInputGrad:
		n, op.Batch = op.Batch, 1
		return op, n, shared
	case engine.Attention:
		n, op.Batch = op.Batch, 1
		return op, n, shared
	case engine.AttentionGrad:
		n, op.Batch = op.Batch, 1
		return op, n, shared
	case engine.GroupNorm:
		n, op.Batch = op.Batch, 1
		return op, n, shared
	case engine.GroupNormGrad:
		n, op.Batch = op.Batch, 1
		if op.Params {
			return op, 0, nil
		}
		return op, n, shared
	case engine.Upsample:
		n, op.Batch = op.Batch, 1
		return op, n, shared
	case engine.UpsampleGrad:
		n, op.Batch = op.Batch, 1
		return op, n, shared
	case engine.Rope:
		shared["table"] = !op.PerItem
		n, op.Batch = op.Batch, 1
		return op, n, shared
	case engine.LayerNorm:
		n, op.Rows = op.Rows, 1
		return op, n, shared
	case engine.Softmax:
		n, op.Rows = op.Rows, 1
		return op, n, shared
	case engine.Gate:
		n, op.Rows = op.Rows, 1
		return op, n, shared
	}
	return nil, 0, nil
}

// batch checks that item i of a batch has the bits of a batch of one.
func (s suite) batch(t *testing.T) {
	s.eachKind(t, func(t *testing.T, g *rig, all []Case) {
		for i, c := range all {
			one, n, shared := alone(c.Op)
			if n < 2 || i%3 == 1 {
				continue
			}
			g.inCase(t, c, func() { checkBatch(g, c.Op, one, n, shared) })
		}
	})
}

func checkBatch(g *rig, op, one engine.Op, n int, shared map[string]bool) {
	g.t.Helper()
	in := someInputs(op)
	whole := g.launch(op, in, 0, nil)
	ins, outs := Operands(op)
	for item := range min(n, 3) {
		part := make([][]byte, len(in))
		for i, o := range ins {
			part[i] = in[i]
			if !shared[o.Name] {
				part[i] = slice(in[i], item, n)
			}
		}
		for o, have := range g.launch(one, part, 0, nil) {
			if string(have) != string(slice(whole[o], item, n)) {
				g.t.Fatalf("item %d of %d of %s has other bits than alone", item, n, outs[o].Name)
			}
		}
	}
}

// slice returns item i of n equal parts.
func slice(b []byte, i, n int) []byte { return b[len(b)/n*i : len(b)/n*(i+1)] }
