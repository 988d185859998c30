package weights

import (
	"errors"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/nn"
)

type testLinear struct {
	Weight *nn.Param `weight:"weight"`
	Bias   *nn.Param `weight:"bias"`
}

type testNet struct {
	In  *testLinear   `weight:"in"`
	Out []*testLinear `weight:"out"`
}

func newTestNet() *testNet {
	return &testNet{
		In:  &testLinear{nn.NewParam(2, 3), nn.NewParam(2)},
		Out: []*testLinear{{Weight: nn.NewParam(1, 2)}},
	}
}

func testSource(t *testing.T, shapes map[string][]int) *Source {
	t.Helper()
	tensors := map[string]*tensor.Dense{}
	for name, shape := range shapes {
		v := make([]float32, tensor.Shape(shape).TotalSize())
		for i := range v {
			v[i] = float32(i) + float32(len(shape))
		}
		tensors[name] = tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))
	}
	s, err := FromTensors(tensors)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBind(t *testing.T) {
	src := testSource(t, map[string][]int{"in.weight": {2, 3}, "in.bias": {2}, "out.0.weight": {1, 2}})
	net := newTestNet()
	if err := Bind(net, src, ""); err != nil {
		t.Fatal(err)
	}
	if p := net.Out[0].Weight; p.Name != "out.0.weight" || p.Value == nil || p.Value.Data().([]float32)[1] != 3 {
		t.Errorf("out.0.weight: %+v", p)
	}
	src = testSource(t, map[string][]int{"a.in.weight": {2, 3}, "a.in.bias": {2}, "a.out.0.weight": {1, 2}, "ab.x": {1}})
	if err := Bind(newTestNet(), src, "a"); err != nil {
		t.Errorf("below a prefix: %v", err)
	}
}

func TestBindReportsAll(t *testing.T) {
	src := testSource(t, map[string][]int{"in.weight": {3, 2}, "in.bias": {2}, "out.1.weight": {1, 2}, "more": {}})
	net := newTestNet()
	err := Bind(net, src, "")
	m, ok := errors.AsType[*Misfit](err)
	if !ok {
		t.Fatalf("%v: no *Misfit", err)
	}
	if !slices.Equal(m.Missing, []string{"out.0.weight"}) || !slices.Equal(m.Misshapen, []string{"in.weight [3 2], want [2 3]"}) ||
		!slices.Equal(m.Unused, []string{"more", "out.1.weight"}) {
		t.Errorf("%+v", m)
	}
	if !errors.Is(err, fault.Missing) {
		t.Errorf("%v: is not Missing", err)
	}
	for name, p := range nn.Walk[*nn.Param](net) {
		if p.Value != nil || p.Name != "" {
			t.Errorf("%s was bound all the same", name)
		}
	}
	t.Log(err)
}

func TestBindNeedsFloats(t *testing.T) {
	src, err := FromTensors(map[string]*tensor.Dense{"weight": tensor.New(tensor.WithShape(2), tensor.WithBacking([]int8{1, 2}))})
	if err != nil {
		t.Fatal(err)
	}
	err = Bind(&testLinear{Weight: nn.NewParam(2)}, src, "")
	if !errors.Is(err, fault.Shape) {
		t.Errorf("int8: %v, want a misfit", err)
	}
}

func TestClosed(t *testing.T) {
	src := testSource(t, map[string][]int{"weight": {2}})
	if err := errors.Join(src.Close(), src.Close()); err != nil {
		t.Error(err)
	}
	if _, err := src.Tensor("weight"); !errors.Is(err, fault.Closed) {
		t.Errorf("after Close: %v", err)
	}
	if err := Bind(&testLinear{Weight: nn.NewParam(2)}, src, ""); !errors.Is(err, fault.Closed) {
		t.Errorf("Bind after Close: %v", err)
	}
}
