package enginetest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
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

// threads checks that the number of threads changes no bit.
func (s suite) threads(t *testing.T) {
	var first [][][]byte
	some := someCases()
	for _, n := range []int{1, 2, 3, 8} {
		var all [][][]byte
		t.Run("", func(t *testing.T) {
			eng := s.open(n)
			defer func() { _ = eng.Close() }()
			g := newRig(t, eng)
			for _, c := range some {
				all = append(all, nil)
				g.inCase(t, c, func() { all[len(all)-1] = g.launch(c.Op, someInputs(c.Op), 0, home(c.Op)) })
			}
		})
		if first == nil {
			first = all
		}
		for i, c := range some {
			if i < len(all) && !sameBytes(first[i], all[i]) {
				t.Errorf("%s: %d threads compute other bits than 1", c.Name, n)
			}
		}
	}
}

// someCases are the four largest of each kind and every tenth of the others.
func someCases() []Case {
	sizes := map[reflect.Type][]int{}
	for _, c := range suiteCases() {
		kind := reflect.TypeOf(c.Op)
		sizes[kind] = append(sizes[kind], numbers(c.Op))
	}
	for _, s := range sizes {
		slices.Sort(s)
	}
	var some []Case
	for i, c := range suiteCases() {
		s := sizes[reflect.TypeOf(c.Op)]
		if i%10 == 0 || numbers(c.Op) >= s[max(len(s)-4, 0)] {
			some = append(some, c)
		}
	}
	return some
}

// numbers counts what an Op reads and writes.
func numbers(op engine.Op) int {
	n := 0
	in, out := Operands(op)
	for _, o := range slices.Concat(in, out) {
		n += o.Len
	}
	return n
}

func someInputs(op engine.Op) [][]byte {
	ins, _ := Operands(op)
	return encode(ins, Inputs(op, rand.New(rand.NewPCG(7, 7))))
}

func sameBytes(a, b [][]byte) bool {
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}

// inPlace launches kernels with their output in an input, where the Op allows it.
func (s suite) inPlace(t *testing.T) {
	s.eachKind(t, func(t *testing.T, g *rig, all []Case) {
		for i, c := range all {
			for _, share := range sharable(c.Op) {
				if i%5 != 0 && i+1 < len(all) {
					continue
				}
				g.inCase(t, c, func() {
					in := someInputs(c.Op)
					apart := g.launch(c.Op, in, 0, nil)
					if !sameBytes(apart, g.launch(c.Op, in, 0, []int{share})) {
						g.t.Fatalf("computes other bits in the memory of input %d", share)
					}
				})
			}
		}
	})
}

// sharable lists the inputs whose memory an Op's output may take.
func sharable(op engine.Op) []int {
	switch op := op.(type) {
	case engine.Linear:
		if op.Residual {
			return []int{len(someOperands(op)) - 1}
		}
	case engine.Conv2D:
		if op.Residual {
			return []int{len(someOperands(op)) - 1}
		}
	case engine.MatMul:
		if op.Add {
			return []int{2}
		}
	case engine.Unary, engine.LinComb, engine.Rope:
		return []int{0}
	case engine.UnaryGrad:
		return []int{0, 1}
	case engine.Binary:
		if op.B == engine.Full {
			return []int{0, 1}
		}
		return []int{0}
	}
	return nil
}

func someOperands(op engine.Op) []Operand {
	in, _ := Operands(op)
	return in
}

// cancel checks that a cancelled run launches nothing.
func (s suite) cancel(t *testing.T) {
	eng := s.open(2)
	defer func() { _ = eng.Close() }()
	ctx, stop := context.WithCancel(t.Context())
	run, err := eng.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	op := engine.Unary{Len: 3}
	k, err := eng.Prepare(op)
	if err != nil {
		t.Fatal(err)
	}
	g := &rig{t: t, eng: eng}
	if g.mem, err = eng.Alloc(1 << 16); err != nil {
		t.Fatal(err)
	}
	args := engine.Args{In: []engine.Ref{g.place(12, nil, 0)}, Out: []engine.Ref{g.place(12, nil, 0)}, Scratch: g.place(int(k.Scratch()), nil, 0)}
	if err := k.Launch(run, &args); !errors.Is(err, context.Canceled) {
		t.Errorf("Launch after cancel: %v", err)
	}
	if err := run.End(); !errors.Is(err, context.Canceled) {
		t.Errorf("End after cancel: %v", err)
	}
	if err := g.mem.Free(); err != nil {
		t.Error(err)
	}
}

// allocations checks that a second Launch of a kernel takes nothing from Go's heap.
func (s suite) allocations(t *testing.T) {
	eng := s.open(2)
	defer func() { _ = eng.Close() }()
	g := newRig(t, eng)
	for _, c := range someCases() {
		k, err := eng.Prepare(c.Op)
		if errors.Is(err, engine.ErrNotImplemented) {
			continue
		}
		g.used = 0
		args := engine.Args{Scratch: g.place(int(k.Scratch()), nil, 0)}
		for _, v := range someInputs(c.Op) {
			args.In = append(args.In, g.place(len(v), v, 0))
		}
		_, outs := Operands(c.Op)
		for i, o := range outs {
			if isAdamW(c.Op) {
				args.Out = append(args.Out, args.In[i])
				continue
			}
			args.Out = append(args.Out, g.place(int(o.Bytes()), nil, 0))
		}
		if n := testing.AllocsPerRun(3, func() { _ = k.Launch(g.run, &args) }); n > 0 {
			t.Errorf("%s: %v allocations a launch", c.Name, n)
		}
	}
}
