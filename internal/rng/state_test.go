package rng

import (
	"encoding"
	"encoding/hex"
	"math"
	"slices"
	"testing"

	"github.com/easel-go/easel/internal/fault"
)

type generator interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// TestState saves each generator in the middle of a pair and of a block, and goes
// on from the copy.
func TestState(t *testing.T) {
	draw := func(g any) (v []float64) {
		v = make([]float64, 5)
		switch g := g.(type) {
		case *Torch:
			g.Normal64(v)
		case *NumPy:
			g.Normal(v)
		case *CUDA:
			x := make([]float32, 5)
			g.Normal(x, F32)
			widen(v, x)
		}
		return v
	}
	for name, pair := range map[string][2]generator{
		"torch": {NewTorch(-7), new(Torch)}, "zero torch": {new(Torch), NewTorch(9)},
		"numpy": {NewNumPy(7), new(NumPy)}, "zero numpy": {new(NumPy), NewNumPy(9)},
		"cuda": {&CUDA{Seed: 1 << 63}, new(CUDA)},
	} {
		for turn := range 150 {
			b, err := pair[0].MarshalBinary()
			if err == nil {
				err = pair[1].UnmarshalBinary(b)
			}
			if err != nil {
				t.Fatalf("%s turn %d: %v", name, turn, err)
			}
			if a, b := draw(pair[0]), draw(pair[1]); !slices.Equal(a, b) {
				t.Fatalf("%s turn %d: %v went on as %v", name, turn, a, b)
			}
		}
		b, _ := pair[0].MarshalBinary()
		for n := range b {
			if err := pair[1].UnmarshalBinary(b[:n]); fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%s: %d of %d bytes: %v", name, n, len(b), err)
			}
		}
	}
	if err := new(NumPy).UnmarshalBinary(make([]byte, 4*mtN+16)); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a state of zeros: %v", err)
	}
	if g := NewTorch(-7); g.InitialSeed() != math.MaxUint64-6 {
		t.Errorf("initial seed %d", g.InitialSeed())
	}
}

// TestTorchStateBytes compares with what torch 2.13 returns from get_state after
// manual_seed(0), and after randn(3) then: head and tail of the 5056 bytes.
func TestTorchStateBytes(t *testing.T) {
	g := NewTorch(0)
	check := func(head, tail string) {
		t.Helper()
		b, err := g.MarshalBinary()
		if err != nil || len(b) != 5056 {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		if h, l := hex.EncodeToString(b[:24]), hex.EncodeToString(b[24+mtN*8:]); h != head || l != tail {
			t.Errorf("state %s … %s, want %s … %s", h, l, head, tail)
		}
	}
	check("000000000000000001000000010000000000000000000000",
		"00000000000000000000000000000000000000000000000000000000000000000000000000000000")
	g.Normal(make([]float32, 3), F32)
	check("000000000000000069020000010000000800000000000000",
		"00000000000000000d353eca9630e23f000000000000000001000000000000000000000000000000")
}

func FuzzState(f *testing.F) {
	for _, g := range []generator{new(Torch), new(CUDA), new(NumPy)} {
		b, _ := g.MarshalBinary()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var torch Torch
		if torch.UnmarshalBinary(b) == nil {
			torch.Normal(make([]float32, 700), F16)
		}
		var numpy NumPy
		if numpy.UnmarshalBinary(b) == nil {
			numpy.Normal(make([]float64, 1))
		}
		var cuda CUDA
		if cuda.UnmarshalBinary(b) == nil {
			cuda.Normal(make([]float32, 20), BF16)
		}
	})
}
