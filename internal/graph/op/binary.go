package op

import (
	"errors"
	"slices"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// Add is x + y. Either may be the smaller one, spread over the other: of shape [1], of
// the shape of the other's last axes, or of its rank with axes of size 1 in one run.
func Add(b *graph.Builder, x, y *graph.Node) *graph.Node {
	if b.Desc(x).Size() < b.Desc(y).Size() {
		x, y = y, x
	}
	return b.Apply(binary{engine.Add}, x, y)
}

// Sub is x − y, y spread as in Add.
func Sub(b *graph.Builder, x, y *graph.Node) *graph.Node {
	return b.Apply(binary{engine.Sub}, x, y)
}

// Mul is x · y, number by number, either spread as in Add.
func Mul(b *graph.Builder, x, y *graph.Node) *graph.Node {
	if b.Desc(x).Size() < b.Desc(y).Size() {
		x, y = y, x
	}
	return b.Apply(binary{engine.Mul}, x, y)
}

// AddItem adds a vector to every pixel of its picture.
//
//	x [B, …, C], v [B, C] → like x
func AddItem(b *graph.Builder, x, v *graph.Node) *graph.Node {
	return b.Apply(binary{engine.Add}, x, perItem(b, x, v))
}

// MulItem multiplies every pixel of a picture by its vector.
//
//	x [B, …, C], v [B, C] → like x
func MulItem(b *graph.Builder, x, v *graph.Node) *graph.Node {
	return b.Apply(binary{engine.Mul}, x, perItem(b, x, v))
}

// perItem views v [B, C] as [B, 1, …, C].
func perItem(b *graph.Builder, x, v *graph.Node) *graph.Node {
	xs, vs := b.Desc(x).Shape, b.Desc(v).Shape
	if len(xs) < 2 || len(vs) != 2 {
		graph.Fail("op: item of shape %v for %v: want [B, C] for [B, …, C]", vs, xs)
	}
	shape := slices.Repeat([]int{1}, len(xs))
	shape[0], shape[len(xs)-1] = vs[0], vs[1]
	return Reshape(b, v, shape...)
}

// ScaleBy is x·s for a node s of one number, an adapter's scale for one.
//
//	x […], s [1] → like x
func ScaleBy(b *graph.Builder, x, s *graph.Node) *graph.Node {
	if b.Desc(s).Size() != 1 {
		graph.Fail("op: scale of shape %v, want [1]", b.Desc(s).Shape)
	}
	return b.Apply(binary{engine.Mul}, x, s)
}

type binary struct{ fn engine.BinaryFunc }

func (o binary) Name() string { return [...]string{"add", "sub", "mul"}[o.fn] }

func (o binary) Infer(in []graph.Desc) (graph.Desc, error) {
	if err := float32s(in...); err != nil {
		return graph.Desc{}, err
	}
	_, err := spreadOf(in[0].Shape, in[1].Shape)
	return in[0], err
}

func (o binary) Grad(d *graph.Diff) []*graph.Node {
	b, x, y, dz := d.B, d.In[0], d.In[1], d.Grad[0]
	gs := []*graph.Node{dz, nil}
	if o.fn == engine.Mul && d.Need[0] {
		gs[0] = b.Apply(o, dz, y)
	}
	if !d.Need[1] {
		return gs
	}
	switch o.fn {
	case engine.Mul:
		gs[1] = spreadSum(b, b.Apply(o, dz, x), y)
	case engine.Add:
		gs[1] = spreadSum(b, dz, y)
	case engine.Sub:
		gs[1] = Scale(b, spreadSum(b, dz, y), -1)
	}
	return gs
}

func (o binary) Kernel(in []graph.Desc, _ []bool) engine.Op {
	g, _ := spreadOf(in[0].Shape, in[1].Shape)
	return engine.Binary{Fn: o.fn, Outer: g.outer, Rows: g.rows, Inner: g.inner, B: g.spread}
}

// geometry is an array of [outer, rows, inner] numbers and the part of it that a
// smaller operand stands for.
type geometry struct {
	outer, rows, inner int
	spread             engine.Spread
}

// spreadOf finds how y is spread over x.
func spreadOf(x, y []int) (geometry, error) {
	n := product(x)
	switch {
	case slices.Equal(x, y):
		outer, rows := items(x)
		return geometry{outer, rows, x[len(x)-1], engine.Full}, nil
	case product(y) == 1:
		return geometry{1, 1, n, engine.Scalar}, nil
	}
	if len(x) == len(y) {
		if g, ok := oneRun(x, y); ok {
			return g, nil
		}
	}
	tail := y
	for len(tail) > 1 && tail[0] == 1 {
		tail = tail[1:]
	}
	if len(tail) <= len(x) && slices.Equal(x[len(x)-len(tail):], tail) {
		inner := product(tail)
		return geometry{1, n / inner, inner, engine.Inner}, nil
	}
	return geometry{}, errors.New("a second operand of the first's shape, of [1], of its last axes' shape, or with axes of size 1 in one run")
}

// oneRun finds the geometry where y is x but for a run of axes that are 1. What goes
// for each item of a batch is Item for a batch of one, too.
func oneRun(x, y []int) (geometry, bool) {
	from := 0
	for from < len(x) && x[from] == y[from] {
		from++
	}
	to := len(x)
	for to > from && x[to-1] == y[to-1] {
		to--
	}
	for _, d := range y[from:to] {
		if d != 1 {
			return geometry{}, false
		}
	}
	g := geometry{product(x[:from]), product(x[from:to]), product(x[to:]), engine.Item}
	switch {
	case from == 0:
		g.spread = engine.Inner
	case g.inner == 1:
		g.spread, g.rows, g.inner = engine.Outer, 1, g.rows
	}
	return g, true
}

// spreadSum adds dy up to the shape of y, which was spread over dy's shape.
func spreadSum(b *graph.Builder, dy, y *graph.Node) *graph.Node {
	to := b.Desc(y).Shape
	if slices.Equal(b.Desc(dy).Shape, to) {
		return dy
	}
	return b.Apply(sum{to}, dy)
}

// sum adds up what spreading spread: its result has the shape to.
type sum struct{ to []int }

func (o sum) Name() string { return "sum" }

func (o sum) Infer(in []graph.Desc) (graph.Desc, error) {
	if _, err := spreadOf(in[0].Shape, o.to); err != nil {
		return want("a shape that %v can be spread over", o.to)
	}
	return of(o.to...)
}

func (o sum) Grad(d *graph.Diff) []*graph.Node {
	zeros := d.B.Zeros(d.B.Desc(d.In[0]).Shape...)
	return []*graph.Node{d.B.Apply(binary{engine.Add}, zeros, d.Grad[0])}
}

func (o sum) Kernel(in []graph.Desc, _ []bool) engine.Op {
	g, _ := spreadOf(in[0].Shape, o.to)
	return engine.Sum{Outer: g.outer, Rows: g.rows, Inner: g.inner, To: g.spread}
}
