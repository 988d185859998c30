package plan

import "github.com/easel-go/easel/internal/engine"

// compose returns steps of simpler kernels that compute the same, or nil if there
// are none. It is for engines that lack the kernel of s.
func (d *draft) compose(s step) []step {
	switch o := s.op.(type) {
	case engine.Conv2D:
		if o.UpH > 0 {
			return d.composeEnlarged(s, o)
		}
	case engine.Gate:
		return d.composeGate(s, o)
	}
	return nil
}

// composeEnlarged enlarges the picture first.
func (d *draft) composeEnlarged(s step, o engine.Conv2D) []step {
	up := engine.Upsample{Batch: o.Batch, H: o.H, W: o.W, C: o.In, OutH: o.UpH, OutW: o.UpW}
	big := d.fresh(4 * int64(o.Batch) * int64(o.UpH) * int64(o.UpW) * int64(o.In))
	first := step{node: s.node, call: s.call, op: up, in: s.in[:1], out: []int{big}}
	o.H, o.W, o.UpH, o.UpW = o.UpH, o.UpW, 0, 0
	s.op = o
	s.in = append([]int{big}, s.in[1:]...)
	return []step{first, s}
}

// composeGate takes the halves apart, applies the function to the gate and
// multiplies.
func (d *draft) composeGate(s step, o engine.Gate) []step {
	half := func(from int) engine.Cut {
		return engine.Cut{Outer: o.Rows, Size: 2 * o.C, Inner: 1, From: from, To: from + o.C}
	}
	val, gate, fn := half(0), half(o.C), engine.GELU
	if o.GLU == engine.SwiGLU {
		val, gate, fn = gate, val, engine.SiLU
	}
	n := o.Rows * o.C
	v, g, act := d.fresh(4*int64(n)), d.fresh(4*int64(n)), d.fresh(4*int64(n))
	part := func(op engine.Op, out int, in ...int) step {
		return step{node: s.node, call: s.call, op: op, in: in, out: []int{out}}
	}
	return []step{
		part(val, v, s.in[0]),
		part(gate, g, s.in[0]),
		part(engine.Unary{Fn: fn, Len: n}, act, g),
		part(engine.Binary{Fn: engine.Mul, Outer: 1, Rows: 1, Inner: n, B: engine.Full}, s.out[0], v, act),
	}
}
