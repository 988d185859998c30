package plan_test

import (
	"context"
	"fmt"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine/cpu"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
	"github.com/easel-go/easel/internal/graph/plan"
)

// A network is built once for a shape of input and runs as often as is wanted.
func Example() {
	e := cpu.New(cpu.Options{})
	defer e.Close()

	b := graph.New()
	x := b.Input("x", tensor.Float32, 1, 3)
	w := b.Const("w", tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, 0, 0, 0, 1, 1})))
	y := op.ReLU(b, op.Linear(b, x, w, nil))
	loss := op.SumSquares(b, y)
	dx := graph.Backprop(b, loss, x)[0]

	program, err := plan.Compile(b, plan.Options{Engine: e}, y, loss, dx)
	if err != nil {
		fmt.Println(err)
		return
	}
	vm, err := program.NewVM()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vm.Close()
	if err := vm.Set("x", []float32{-1, 2, 3}); err != nil {
		fmt.Println(err)
	}
	if err := vm.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println("y", vm.Output(0), "loss", vm.Output(1), "dx", vm.Output(2))
	// Output: y [0 5] loss [25] dx [0 10 10]
}
