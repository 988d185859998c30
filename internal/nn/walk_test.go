package nn

import (
	"slices"
	"testing"
)

type testLinear struct {
	Weight *Param `weight:"weight"`
	Bias   *Param `weight:"bias"` // nil: no bias
}

type testNorm struct {
	Scale *Param `weight:"weight"`
}

type testBlock struct {
	BaseBlock
	Norm  testNorm      `weight:"norm"`
	ToOut []*testLinear `weight:"to_out"`
	Heads int
	cache *Param
}

type BaseBlock struct {
	Proj any `weight:"proj_in"`
}

type testNet struct {
	Blocks [2]*testBlock `weight:"blocks"`
	Top    *testLinear   `weight:""`
	None   *testBlock    `weight:"none"`
	Spare  *testLinear   // no tag: no weights
}

func newTestNet() *testNet {
	block := func() *testBlock {
		return &testBlock{
			BaseBlock: BaseBlock{Proj: &testLinear{Weight: NewParam(2, 2), Bias: NewParam(2)}},
			Norm:      testNorm{NewParam(2)},
			ToOut:     []*testLinear{{Weight: NewParam(2, 2)}},
			cache:     NewParam(1),
		}
	}
	return &testNet{
		Blocks: [2]*testBlock{block(), block()},
		Top:    &testLinear{Weight: NewParam(3)},
		Spare:  &testLinear{Weight: NewParam(3)},
	}
}

func TestWalk(t *testing.T) {
	net := newTestNet()
	var params, layers []string
	for name, p := range Walk[*Param](net) {
		if p == nil {
			t.Fatalf("%s: nil", name)
		}
		params = append(params, name)
	}
	var want []string
	for _, b := range []string{"blocks.0.", "blocks.1."} {
		want = append(want, b+"proj_in.weight", b+"proj_in.bias", b+"norm.weight", b+"to_out.0.weight")
	}
	want = append(want, "weight")
	if !slices.Equal(params, want) {
		t.Errorf("parameters\nhave %q\nwant %q", params, want)
	}
	for name := range Walk[*testLinear](net) {
		layers = append(layers, name)
	}
	if want := []string{"blocks.0.proj_in", "blocks.0.to_out.0", "blocks.1.proj_in", "blocks.1.to_out.0", ""}; !slices.Equal(layers, want) {
		t.Errorf("layers: have %q, want %q", layers, want)
	}
}

func TestWalkStops(t *testing.T) {
	n := 0
	for range Walk[*Param](newTestNet()) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d parameters after a break at 2", n)
	}
	for range Walk[*Param](nil) {
		t.Error("a nil root has no parameters")
	}
}
