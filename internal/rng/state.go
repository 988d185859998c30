package rng

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/easel-go/easel/internal/fault"
)

// torchState is the layout of torch.Generator.get_state on a CPU
// (CPUGeneratorImpl.cpp, CPUGeneratorImplState), little endian.
type torchState struct {
	Seed      uint64
	Left      int32 // words until the next twist, plus one
	Seeded    int32
	Next      uint64
	State     [mtN]uint64
	_, Kept   float64
	_         float64
	Keeps     int32
	_         int32
	FloatKept float32 // never set: torch keeps doubles alone
	FloatHas  uint8
	_         [3]uint8
}

// MarshalBinary returns the state in the 5056 bytes of torch.Generator.get_state:
// torch can go on where g is, and the other way round. Legacy is not part of it.
func (g *Torch) MarshalBinary() ([]byte, error) {
	m := g.engine()
	s := torchState{Seed: g.seed, Seeded: 1, Left: int32(mtN - m.next + 1), Next: uint64(m.next)}
	if m.next == mtN {
		s.Left, s.Next = 1, 0 // as after seeding
	}
	for i, v := range m.state {
		s.State[i] = uint64(v)
	}
	if g.keeps {
		s.Kept, s.Keeps = g.kept, 1
	}
	return binary.Append(nil, binary.LittleEndian, &s)
}

// UnmarshalBinary puts g where the generator was whose state it is given, by
// [Torch.MarshalBinary] or torch's get_state.
func (g *Torch) UnmarshalBinary(b []byte) error {
	var s torchState
	if err := decodeState(b, &s); err != nil {
		return err
	}
	next := s.Next
	if s.Left == 1 {
		next = mtN
	}
	if s.Left < 1 || s.Left > mtN || s.Seeded != 1 || next > mtN || next+uint64(s.Left)-1 != mtN {
		return stateError(fmt.Sprintf("%d words left at word %d", s.Left, s.Next), "a seeded generator's")
	}
	if math.IsNaN(s.Kept) || math.IsInf(s.Kept, 0) {
		return stateError(fmt.Sprintf("kept value %v", s.Kept), "a number")
	}
	restored := Torch{Legacy: g.Legacy, seed: s.Seed, seeded: true, kept: s.Kept, keeps: s.Keeps != 0}
	for i, v := range s.State {
		if v > math.MaxUint32 {
			return stateError(fmt.Sprintf("word %d of %#x", i, v), "32 bits")
		}
		restored.mt.state[i] = uint32(v)
	}
	restored.mt.next = int(next)
	if restored.mt.stuck() {
		return stateError("words of zeros", "a seeded generator's")
	}
	*g = restored
	return nil
}

// MarshalBinary returns the state in the 16 bytes of torch.Generator.get_state on a
// GPU: seed and offset. Blocks is not part of it.
func (g *CUDA) MarshalBinary() ([]byte, error) {
	return binary.Append(nil, binary.LittleEndian, []uint64{g.Seed, g.Offset})
}

// UnmarshalBinary puts g where the generator was whose state it is given.
func (g *CUDA) UnmarshalBinary(b []byte) error {
	var s struct{ Seed, Offset uint64 }
	if err := decodeState(b, &s); err != nil {
		return err
	}
	if s.Offset%4 != 0 {
		return stateError(fmt.Sprintf("offset %d", s.Offset), "a multiple of 4")
	}
	g.Seed, g.Offset = s.Seed, s.Offset
	return nil
}

// numpyState is what RandomState.get_state returns: key, pos, has_gauss and
// cached_gaussian.
type numpyState struct {
	Key   [mtN]uint32
	Pos   uint32
	Keeps uint32
	Kept  float64
}

// MarshalBinary returns the state: key, pos, has_gauss and cached_gaussian of
// RandomState.get_state, little endian.
func (g *NumPy) MarshalBinary() ([]byte, error) {
	if !g.seeded {
		g.Seed(0)
	}
	s := numpyState{Key: g.mt.state, Pos: uint32(g.mt.next)}
	if g.keeps {
		s.Keeps, s.Kept = 1, g.kept
	}
	return binary.Append(nil, binary.LittleEndian, &s)
}

// UnmarshalBinary puts g where the generator was whose state it is given.
func (g *NumPy) UnmarshalBinary(b []byte) error {
	var s numpyState
	if err := decodeState(b, &s); err != nil {
		return err
	}
	if s.Pos > mtN || math.IsNaN(s.Kept) || math.IsInf(s.Kept, 0) {
		return stateError(fmt.Sprintf("position %d, kept value %v", s.Pos, s.Kept), "a position up to 624 and a number")
	}
	m := mt19937{s.Key, int(s.Pos)}
	if m.stuck() {
		return stateError("words of zeros", "a seeded generator's")
	}
	*g = NumPy{mt: m, seeded: true, kept: s.Kept, keeps: s.Keeps != 0}
	return nil
}

// decodeState reads b, all of it, into s.
func decodeState(b []byte, s any) error {
	if want := binary.Size(s); len(b) != want {
		return stateError(fmt.Sprintf("%d bytes", len(b)), fmt.Sprintf("%d", want))
	}
	_, err := binary.Decode(b, binary.LittleEndian, s)
	return err
}

func stateError(have, want string) error {
	return &fault.Error{Kind: fault.Invalid, Op: "rng", What: "generator state:", Have: have, Want: want}
}
