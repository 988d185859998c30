package plan

import (
	"slices"

	"github.com/easel-go/easel/internal/engine"
)

// fuse joins neighbouring steps where the engine has a kernel that does the work of
// both: epilogues of linear layers and convolutions, the activation after a group
// norm, the enlarging before a convolution. A step is joined to the one that made
// its input only if nobody else reads that input.
func (d *draft) fuse() error {
	f := newFuser(d)
	for i := range d.steps {
		if err := f.visit(i); err != nil {
			return err
		}
	}
	return nil
}

// fuser knows who makes and who reads each value.
type fuser struct {
	*draft
	maker   []int // the step that writes a value, or −1
	readers [][]int
}

func newFuser(d *draft) *fuser {
	f := &fuser{draft: d, maker: make([]int, len(d.values)), readers: make([][]int, len(d.values))}
	for v := range f.maker {
		f.maker[v] = -1
	}
	for i := range d.steps {
		for _, v := range d.steps[i].out {
			f.maker[v] = i
		}
		for _, v := range d.steps[i].in {
			f.readers[v] = append(f.readers[v], i)
		}
	}
	const outside = -1
	for _, v := range d.outs {
		f.readers[v] = append(f.readers[v], outside)
	}
	for v, x := range d.values { // a value that others are parts of has more readers than it knows
		if x.base != v {
			f.readers[x.base] = append(f.readers[x.base], outside)
			f.readers[v] = append(f.readers[v], outside)
		}
	}
	return f
}

// only returns the step that makes value v, if step i is the only one to read it, and
// only once.
func (f *fuser) only(v, i int) *step {
	m := f.maker[v]
	if m < 0 || len(f.readers[v]) != 1 || f.readers[v][0] != i {
		return nil
	}
	p, s := &f.steps[m], &f.steps[i]
	if p.dead || len(p.out) != 1 || p.call.Backward != s.call.Backward || f.segment(p) != f.segment(s) {
		return nil
	}
	return p
}

func (d *draft) segment(s *step) int {
	if d.o.Checkpoint == nil || s.call.Backward {
		return 0
	}
	return d.o.Checkpoint(s.node)
}

// visit tries to join step i with those that make its inputs.
func (f *fuser) visit(i int) error {
	s := &f.steps[i]
	switch o := s.op.(type) {
	case engine.Unary:
		return f.into(i, 0, func(p engine.Op) engine.Op { return withAct(p, o.Fn) })
	case engine.Gate:
		return f.into(i, 0, func(p engine.Op) engine.Op { return withGLU(p, o) })
	case engine.Binary:
		return f.binary(i, o)
	case engine.Conv2D:
		return f.enlarge(i, o)
	case engine.GroupNormGrad:
		return f.groupNormGrad(i, o)
	}
	return nil
}

// into makes step i do the work of the step that makes its input j as well; join
// returns the op that does both, or nil. Other inputs of step i follow the maker's.
func (f *fuser) into(i, j int, join func(engine.Op) engine.Op) error {
	s := &f.steps[i]
	p := f.only(s.in[j], i)
	if p == nil {
		return nil
	}
	op := join(p.op)
	if op == nil {
		return nil
	}
	if ok, err := f.kernels.has(op); !ok {
		return err
	}
	rest := slices.Delete(slices.Clone(s.in), j, j+1)
	s.op = op
	s.in = slices.Concat(p.in, rest)
	for _, v := range p.in {
		f.moveReader(v, f.maker[p.out[0]], i)
	}
	p.dead = true
	return nil
}

// moveReader notes that step to reads v instead of step from.
func (f *fuser) moveReader(v, from, to int) {
	if k := slices.Index(f.readers[v], from); k >= 0 {
		f.readers[v][k] = to
	}
}

// withAct returns op with a function at its end.
func withAct(op engine.Op, fn engine.Func) engine.Op {
	switch o := op.(type) {
	case engine.Linear:
		if o.Act == engine.Identity && o.GLU == engine.NoGLU && !o.Residual {
			o.Act = fn
			return o
		}
	case engine.Conv2D:
		if o.Act == engine.Identity && !o.Residual {
			o.Act = fn
			return o
		}
	case engine.GroupNorm:
		if o.Act == engine.Identity && fn == engine.SiLU {
			o.Act = fn
			return o
		}
	}
	return nil
}

// withGLU returns a linear layer with a gated unit at its end.
func withGLU(op engine.Op, g engine.Gate) engine.Op {
	o, ok := op.(engine.Linear)
	if !ok || o.Act != engine.Identity || o.GLU != engine.NoGLU || o.Residual || o.Out != 2*g.C {
		return nil
	}
	o.GLU = g.GLU
	return o
}

// binary joins an addition with the step that makes one of its operands, the later
// one if both could be.
func (f *fuser) binary(i int, o engine.Binary) error {
	if o.Fn != engine.Add {
		return nil
	}
	s := &f.steps[i]
	order := []int{0}
	if o.B == engine.Full {
		order = []int{0, 1}
		if f.maker[s.in[1]] > f.maker[s.in[0]] {
			order = []int{1, 0}
		}
	}
	for _, j := range order {
		if err := f.into(i, j, func(p engine.Op) engine.Op { return withAdd(p, o) }); err != nil {
			return err
		}
		if _, still := s.op.(engine.Binary); !still {
			return nil
		}
	}
	return nil
}

// withAdd returns op with an addition at its end. The operand comes after op's
// inputs.
func withAdd(op engine.Op, a engine.Binary) engine.Op {
	switch o := op.(type) {
	case engine.Linear:
		switch {
		case a.B == engine.Full && !o.Residual:
			o.Residual = true
			return o
		case a.B == engine.Inner && a.Inner == o.Out && !o.Bias && o.Act == engine.Identity && o.GLU == engine.NoGLU && !o.Residual:
			o.Bias = true
			return o
		}
	case engine.MatMul:
		if a.B == engine.Full && !o.Add {
			o.Add = true
			return o
		}
	case engine.Conv2D:
		plain := o.Act == engine.Identity && !o.Residual
		switch {
		case a.B == engine.Full && !o.Residual:
			o.Residual = true
			return o
		case plain && !o.Item && a.B == engine.Item && a.Inner == o.Out && a.Outer == o.Batch:
			o.Item = true
			return o
		case plain && !o.Item && !o.Bias && a.B == engine.Inner && a.Inner == o.Out:
			o.Bias = true
			return o
		}
	}
	return nil
}

// enlarge joins a convolution with the enlarging of its input.
func (f *fuser) enlarge(i int, o engine.Conv2D) error {
	s := &f.steps[i]
	p := f.only(s.in[0], i)
	if p == nil || o.UpH > 0 {
		return nil
	}
	up, ok := p.op.(engine.Upsample)
	if !ok {
		return nil
	}
	o.H, o.W, o.UpH, o.UpW = up.H, up.W, up.OutH, up.OutW
	if ok, err := f.kernels.has(o); !ok {
		return err
	}
	f.moveReader(p.in[0], f.maker[s.in[0]], i)
	s.op = o
	s.in = append([]int{p.in[0]}, s.in[1:]...)
	p.dead = true
	return nil
}

// groupNormGrad joins a group norm with the SiLU after it, and their gradients, so
// that what lies between is never kept. With n the norm's result, the steps are
//
//	n = norm(x)  …  y = silu(n)  …  dn = silu′(n)·dy  …  dx = norm′(x)·dn
func (f *fuser) groupNormGrad(i int, o engine.GroupNormGrad) error {
	s := &f.steps[i]
	act := f.only(s.in[3], i)
	if act == nil || act.op != (engine.Op(engine.UnaryGrad{Fn: engine.SiLU, Len: o.Batch * o.Pixels * o.C})) {
		return nil
	}
	n := act.in[0]
	norm, silu := f.maker[n], f.siluOf(n, f.maker[s.in[3]])
	if norm < 0 || silu < 0 || !slices.Equal(f.steps[norm].in, s.in[:3]) {
		return nil
	}
	gn, ok := f.steps[norm].op.(engine.GroupNorm)
	if !ok || gn != o.GroupNorm || gn.Act != engine.Identity || f.segment(&f.steps[norm]) != f.segment(&f.steps[silu]) {
		return nil
	}
	gn.Act, o.Act = engine.SiLU, engine.SiLU
	for _, op := range []engine.Op{gn, o} {
		if ok, err := f.kernels.has(op); !ok {
			return err
		}
	}
	for _, v := range f.steps[norm].in {
		f.moveReader(v, norm, silu)
	}
	f.moveReader(act.in[1], f.maker[s.in[3]], i)
	f.steps[silu].op, f.steps[silu].in = gn, f.steps[norm].in
	s.op, s.in = o, append(slices.Clone(s.in[:3]), act.in[1])
	f.steps[norm].dead, act.dead = true, true
	return nil
}

// siluOf returns the step that applies SiLU to value n, if it and step grad are the
// only ones to read n.
func (f *fuser) siluOf(n, grad int) int {
	if len(f.readers[n]) != 2 {
		return -1
	}
	for _, r := range f.readers[n] {
		if r >= 0 && r != grad {
			if u, ok := f.steps[r].op.(engine.Unary); ok && u.Fn == engine.SiLU {
				return r
			}
		}
	}
	return -1
}
