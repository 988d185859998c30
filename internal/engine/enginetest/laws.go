package enginetest

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/easel-go/easel/internal/engine"
)

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
