package plan

import "github.com/easel-go/easel/internal/engine"

// overwrites returns the inputs of an op that its first output may take the memory
// of, as the ops' comments in package engine allow. n is the number of inputs.
func overwrites(op engine.Op, n int) []int {
	switch o := op.(type) {
	case engine.Linear:
		if o.Residual {
			return []int{n - 1}
		}
	case engine.Conv2D:
		if o.Residual {
			return []int{n - 1}
		}
	case engine.MatMul:
		if o.Add {
			return []int{n - 1}
		}
	case engine.Unary, engine.LinComb, engine.Rope:
		return []int{0}
	case engine.UnaryGrad:
		return []int{0, 1}
	case engine.Binary:
		if o.B == engine.Full {
			return []int{0, 1}
		}
		return []int{0}
	}
	return nil
}

// shareInPlace lets results take over the memory of inputs that nobody reads any
// more.
func (d *draft) shareInPlace() {
	for i := range d.steps {
		s := &d.steps[i]
		for _, j := range overwrites(s.op, len(s.in)) {
			if d.canTake(s, i, j) {
				d.take(s.out[0], s.in[j])
				break
			}
		}
	}
}

// root returns the buffer that holds the memory of buffer b.
func (d *draft) root(b int) int {
	for d.buffers[b].share >= 0 {
		b = d.buffers[b].share
	}
	return b
}

// canTake reports whether step i may write its first result over its input j.
func (d *draft) canTake(s *step, i, j int) bool {
	in, out := d.values[s.in[j]], d.values[s.out[0]]
	from, to := d.root(in.buf), out.buf
	b := &d.buffers[from]
	whole := in.off == 0 && in.bytes == b.bytes && out.bytes == b.bytes && d.buffers[to].bytes == b.bytes
	if b.place != inSlab || b.keep || b.last != i || !whole || d.buffers[to].share >= 0 || from == to {
		return false
	}
	for k, v := range s.in {
		if k != j && d.root(d.values[v].buf) == from {
			return false
		}
	}
	return true
}

func (d *draft) take(out, in int) {
	to, from := d.values[out].buf, d.root(d.values[in].buf)
	d.buffers[to].share = from
	d.buffers[from].last = d.buffers[to].last
	d.buffers[from].keep = d.buffers[to].keep
}
