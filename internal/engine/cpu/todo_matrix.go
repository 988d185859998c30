package cpu

import "github.com/easel-go/easel/internal/engine"

func newMatMul(*Engine, engine.MatMul) (engine.Kernel, error) { return nil, engine.ErrNotImplemented }
func newConv2D(*Engine, engine.Conv2D) (engine.Kernel, error) { return nil, engine.ErrNotImplemented }
func newConv2DInputGrad(*Engine, engine.Conv2DInputGrad) (engine.Kernel, error) {
	return nil, engine.ErrNotImplemented
}
func newConv2DWeightGrad(*Engine, engine.Conv2DWeightGrad) (engine.Kernel, error) {
	return nil, engine.ErrNotImplemented
}
