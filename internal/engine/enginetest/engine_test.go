package enginetest

import (
	"math"
	"testing"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/fault"
)

func TestEngineLaunches(t *testing.T) {
	var e engine.Engine = Engine{}
	k, err := e.Prepare(engine.LinComb{Coef: []float32{2, -1}, Len: 3})
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	x, y := []float32{1, 2, 3}, []float32{5, 5, 5}
	args := engine.Args{In: []engine.Ref{engine.HostRef(x), engine.HostRef(y)}, Out: []engine.Ref{engine.HostRef(x)}}
	if err := k.Launch(r, &args); err != nil {
		t.Fatal(err)
	}
	if x[0] != -3 || x[1] != -1 || x[2] != 1 {
		t.Errorf("2x−y = %v", x)
	}
	args.In = args.In[:1]
	if err := k.Launch(r, &args); fault.KindOf(err) != fault.Shape {
		t.Errorf("a missing input: %v", err)
	}
	if err := r.End(); err != nil {
		t.Error(err)
	}
}

// TestHalfs walks all 65536 bit patterns there and back.
func TestHalfs(t *testing.T) {
	for i := range 1 << 16 {
		if x := fromF16(engine.F16(i)); !math.IsNaN(x) && toF16(x) != engine.F16(i) {
			t.Fatalf("binary16 %#x is %v, back %#x", i, x, toF16(x))
		}
		if x := fromBF16(engine.BF16(i)); !math.IsNaN(x) && toBF16(x) != engine.BF16(i) {
			t.Fatalf("bfloat16 %#x is %v, back %#x", i, x, toBF16(x))
		}
	}
	for _, c := range []struct {
		x    float64
		want engine.F16
	}{
		{65504, 0x7bff}, {65519.99, 0x7bff}, {65520, 0x7c00}, {0x1p-25, 0}, {0x1.8p-25, 1}, {-0x1p-24, 0x8001},
		{1 + 0x1p-11, 0x3c00}, {1 + 0x3p-11, 0x3c02}, {0x1p-14 - 0x1p-26, 0x0400}, {math.Inf(-1), 0xfc00}, {2 - 0x1p-12, 0x4000},
	} {
		if got := toF16(c.x); got != c.want {
			t.Errorf("binary16 of %v is %#x, want %#x", c.x, got, c.want)
		}
	}
}

// TestEngine runs the suite on the definitions themselves: what it finds is its own
// mistake.
func TestEngine(t *testing.T) {
	s := suite{func(int) engine.Engine { return Engine{} }}
	t.Run("values", s.values)
	t.Run("special", s.special)
	t.Run("batch", s.batch)
	t.Run("cancel", s.cancel)
}
