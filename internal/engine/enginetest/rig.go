package enginetest

import (
	"bytes"
	"context"
	"math"
	"testing"
	"unsafe"

	"github.com/easel-go/easel/internal/engine"
)

// rig launches kernels on an engine's memory, with a fence around every operand.
type rig struct {
	t    testing.TB
	eng  engine.Engine
	mem  engine.Memory
	run  engine.Run
	used int64
}

// arena is how many bytes the operands of one launch may take.
const arena = 64 << 20

func newRig(t testing.TB, eng engine.Engine) *rig {
	t.Helper()
	mem, err := eng.Alloc(arena)
	if err != nil {
		t.Fatal(err)
	}
	run, err := eng.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	g := &rig{t: t, eng: eng, mem: mem, run: run}
	t.Cleanup(func() {
		if err := run.End(); err != nil {
			t.Error(err)
		}
		if err := mem.Free(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// fence is what lies around operands; as a float it is a NaN, so that a sum that
// reaches too far shows.
const fence, fenceLen = 0xff, 64

// place gives an operand memory, fenced, and fills it with data, or with fence. skew
// moves it off its alignment.
func (g *rig) place(n int, data []byte, skew int64) engine.Ref {
	g.t.Helper()
	block := bytes.Repeat([]byte{fence}, n+2*fenceLen+64)
	copy(block[fenceLen+skew:], data)
	if g.used+int64(len(block)) > arena {
		g.t.Fatal("enginetest: operands too large for the arena")
	}
	at := g.mem.Ref().At(g.used, int64(len(block)))
	if err := g.eng.Upload(at, block); err != nil {
		g.t.Fatal(err)
	}
	g.used += int64(len(block)+63) / 64 * 64
	return at.At(fenceLen+skew, int64(n))
}

// read returns an operand's bytes and checks its fence.
func (g *rig) read(name string, r engine.Ref, skew int64) []byte {
	g.t.Helper()
	block := make([]byte, fenceLen+r.Bytes+fenceLen)
	if err := g.eng.Download(block, around(r)); err != nil {
		g.t.Fatal(err)
	}
	for i, b := range block {
		if (i < fenceLen || i >= fenceLen+int(r.Bytes)) && b != fence {
			g.t.Fatalf("%s: byte %d of %d is written", name, i-fenceLen, r.Bytes)
		}
	}
	return block[fenceLen : fenceLen+r.Bytes]
}

// around widens a Ref to its fence on both sides.
func around(r engine.Ref) engine.Ref {
	w := engine.Ref{Bytes: r.Bytes + 2*fenceLen}
	if r.Host != nil {
		w.Host = unsafe.Add(r.Host, -fenceLen)
	}
	if r.Device != 0 {
		w.Device = r.Device - fenceLen
	}
	return w
}

// launch computes op and returns the outputs' bytes. share says which input an output
// lies in, −1 for none.
func (g *rig) launch(op engine.Op, in [][]byte, skew int64, share []int) [][]byte {
	g.t.Helper()
	g.used = 0
	k, err := g.eng.Prepare(op)
	if err != nil {
		g.t.Fatalf("Prepare: %v", err)
	}
	ins, outs := Operands(op)
	args := engine.Args{Scratch: g.place(int(k.Scratch()), nil, 0)}
	for i := range ins {
		args.In = append(args.In, g.place(len(in[i]), in[i], skew))
	}
	for i, o := range outs {
		if share != nil && share[i] >= 0 {
			args.Out = append(args.Out, args.In[share[i]])
			continue
		}
		args.Out = append(args.Out, g.place(int(o.Bytes()), nil, skew))
	}
	if err := k.Launch(g.run, &args); err != nil {
		g.t.Fatalf("Launch: %v", err)
	}
	var out [][]byte
	for i, o := range outs {
		out = append(out, g.read(o.Name, args.Out[i], skew))
	}
	g.read("scratch", args.Scratch, 0)
	for i, o := range ins {
		if after := g.read(o.Name, args.In[i], skew); share == nil && !bytes.Equal(after, in[i]) {
			g.t.Fatalf("input %s is changed", o.Name)
		}
	}
	return out
}

// encode stores numbers as their operands' dtypes have them, decode reads them.
func encode(operands []Operand, v [][]float64) [][]byte {
	r := make([][]byte, len(v))
	for i, o := range operands {
		r[i] = make([]byte, o.Bytes())
		ref := engine.HostRef(r[i])
		if o.Dtype == engine.Int32 {
			for j, x := range v[i] {
				engine.Slice[int32](ref)[j] = int32(x)
			}
			continue
		}
		narrow(o, ref, v[i])
	}
	return r
}

func decode(operands []Operand, b [][]byte) [][]float64 {
	r := make([][]float64, len(b))
	for i, o := range operands {
		r[i] = widen(o, engine.HostRef(b[i]))
	}
	return r
}

// compare fails on the number that is farthest beyond its slack.
func compare(t testing.TB, op engine.Op, have, want, slack [][]float64) {
	t.Helper()
	_, operands := Operands(op)
	for o, name := range operands {
		worst, at := 0.0, -1
		for i, x := range have[o] {
			if d := excess(x, want[o][i], slack[o][i]); d > worst {
				worst, at = d, i
			}
		}
		if at >= 0 {
			t.Fatalf("%s[%d] is %v, want %v ± %.3g (%.3g times that)", name.Name, at, have[o][at], want[o][at], slack[o][at], worst)
		}
	}
}

// excess is how many times its slack a number is off, 0 if it is within.
func excess(have, want, slack float64) float64 {
	switch {
	case math.IsNaN(want) || math.IsNaN(have):
		if math.IsNaN(want) == math.IsNaN(have) || math.IsNaN(slack) {
			return 0
		}
		return math.Inf(1)
	case float32(want) == float32(have) || math.IsInf(slack, 0):
		return 0
	}
	if d := math.Abs(have-want) - math.Abs(want)*u - 0x1p-149; d > slack {
		return d / slack
	}
	return 0
}
