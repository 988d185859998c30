package enginetest

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/easel-go/easel/internal/engine"
)

// Run checks engines. open returns one with the given number of threads; engines
// that have none of their own may ignore it. An Op the engine has no kernel for is
// skipped by name.
func Run(t *testing.T, open func(threads int) engine.Engine) {
	s := suite{open: open}
	t.Run("values", s.values)
	t.Run("special", s.special)
	t.Run("threads", s.threads)
	t.Run("batch", s.batch)
	t.Run("in place", s.inPlace)
	t.Run("cancel", s.cancel)
	t.Run("allocations", s.allocations)
}

type suite struct {
	open func(threads int) engine.Engine
}

// eachKind runs f once for every kind of Op, with the cases of it.
func (s suite) eachKind(t *testing.T, f func(t *testing.T, g *rig, c []Case)) {
	eng := s.open(2)
	defer func() {
		if err := eng.Close(); err != nil {
			t.Error(err)
		}
	}()
	var kinds []string
	byKind := map[string][]Case{}
	for _, c := range suiteCases() {
		kind := reflect.TypeOf(c.Op).Name()
		if byKind[kind] == nil {
			kinds = append(kinds, kind)
		}
		byKind[kind] = append(byKind[kind], c)
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			if _, err := eng.Prepare(byKind[kind][0].Op); errors.Is(err, engine.ErrNotImplemented) {
				t.Skip("not implemented")
			}
			f(t, newRig(t, eng), byKind[kind])
		})
	}
}

// suiteCases are all Cases, or in a short test a third of them.
func suiteCases() []Case {
	all := Cases()
	if !testing.Short() {
		return all
	}
	var some []Case
	for i := 0; i < len(all); i += 3 {
		some = append(some, all[i])
	}
	return some
}

// problem is a Case with inputs and what must come of them.
type problem struct {
	in          [][]byte
	want, slack [][]float64
	outs        []Operand
}

func pose(op engine.Op, seed uint64, change func(in [][]float64)) problem {
	ins, outs := Operands(op)
	in := Inputs(op, rand.New(rand.NewPCG(seed, 1)))
	if change != nil {
		change(in)
	}
	want := Define(op, in)
	return problem{encode(ins, in), want, Slack(op, in, want), outs}
}

// home says where outputs lie: AdamW's in its inputs.
func home(op engine.Op) []int {
	if isAdamW(op) {
		return []int{0, 1, 2}
	}
	return nil
}

// values holds every case to its definition, at two alignments; what was in the
// memory before is NaN.
func (s suite) values(t *testing.T) {
	s.eachKind(t, func(t *testing.T, g *rig, all []Case) {
		for i, c := range all {
			g.inCase(t, c, func() {
				p := pose(c.Op, uint64(i), nil)
				skew := int64(i % 2 * 4)
				out := g.launch(c.Op, p.in, skew, home(c.Op))
				compare(g.t, c.Op, decode(p.outs, out), rounded2(p.outs, p.want), p.slack)
			})
		}
	})
}

// rounded2 rounds what goes to a half type, where nothing may be off.
func rounded2(operands []Operand, want [][]float64) [][]float64 {
	for i, o := range operands {
		if o.Dtype != engine.Float32 {
			want[i] = each(want[i], func(j int) float64 { return stored(o, want[i][j]) })
		}
	}
	return want
}

// inCase makes failures name the case, without a subtest for each of thousands, and
// leaves out an Op whose choices the engine has no kernel for.
func (g *rig) inCase(t *testing.T, c Case, f func()) {
	t.Helper()
	if _, err := g.eng.Prepare(c.Op); errors.Is(err, engine.ErrNotImplemented) {
		t.Logf("%s is not implemented", c.Name)
		return
	}
	g.t = caseTB{t, c.Name}
	f()
}

type caseTB struct {
	testing.TB
	name string
}

func (c caseTB) Fatalf(format string, args ...any) {
	c.TB.Helper()
	c.TB.Fatalf(c.name+": "+format, args...)
}

func (c caseTB) Fatal(args ...any) {
	c.TB.Helper()
	c.TB.Fatal(append([]any{c.name + ":"}, args...)...)
}

// specials are numbers that arithmetic treats in ways of its own.
var specials = []float64{
	math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 0x1p-149, -0x1p-140, 0x1p-126,
	math.MaxFloat32, -math.MaxFloat32, 1e30, -1e30, 88, -88, 104, -104, 20, -20, 9, -9, 5.5, -5.5, 1e-4, -1e-4, 1e-8,
}

// special puts numbers of that kind into the first input. Results must be NaN where
// the definition's are, and right elsewhere: nothing may leak from one item, row or
// number to another. Infinities may become NaN where a formula subtracts or
// multiplies them.
func (s suite) special(t *testing.T) {
	s.eachKind(t, func(t *testing.T, g *rig, all []Case) {
		for i, c := range all {
			if i%3 != 0 {
				continue
			}
			g.inCase(t, c, func() { s.specialCase(g, c.Op, i) })
		}
	})
}

func (s suite) specialCase(g *rig, op engine.Op, i int) {
	ins, _ := Operands(op)
	switch op.(type) {
	case engine.Embed, engine.EmbedGrad, engine.AttentionGrad, engine.SoftmaxGrad:
		return // their first inputs are not free
	}
	pointwise := false
	switch op.(type) {
	case engine.Unary, engine.UnaryGrad, engine.Gate, engine.Binary, engine.Cast, engine.LinComb, engine.Concat, engine.Cut, engine.Permute, engine.Upsample:
		pointwise = true
	}
	n := 1
	if pointwise {
		n = ins[0].Len
	}
	p := pose(op, uint64(i), func(in [][]float64) {
		for j := range n {
			v := specials[(i/3+j)%len(specials)]
			if !pointwise && math.Abs(v) > 1e10 {
				v = math.NaN()
			}
			in[0][(j+i*7)%len(in[0])] = stored(ins[0], v)
		}
	})
	out := decode(p.outs, g.launch(op, p.in, 0, home(op)))
	for o := range out {
		for j, want := range p.want[o] {
			have := out[o][j]
			if math.IsInf(want, 0) && math.IsNaN(have) || infinite(op, p.in[0], j) {
				out[o][j] = want
			}
		}
	}
	compare(g.t, op, out, rounded2(p.outs, p.want), p.slack)
}

// infinite says that number j of a function's argument is infinite, where the
// function has a limit and its formula may have none.
func infinite(op engine.Op, in []byte, j int) bool {
	switch op := op.(type) {
	case engine.Unary:
		return infiniteAt(in, j)
	case engine.UnaryGrad:
		return infiniteAt(in, j)
	case engine.Gate:
		v, g, _ := glu(op.GLU, op.C, j%op.C)
		at := j / op.C * 2 * op.C
		return infiniteAt(in, at+v) || infiniteAt(in, at+g)
	}
	return false
}

func infiniteAt(in []byte, j int) bool {
	return math.IsInf(float64(engine.Slice[float32](engine.HostRef(in))[j]), 0)
}
