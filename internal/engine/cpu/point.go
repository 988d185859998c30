package cpu

import (
	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// unary applies a function.
type unary struct {
	noScratch
	engine.Unary
}

func newUnary(_ *Engine, op engine.Unary) (engine.Kernel, error) { return &unary{Unary: op}, nil }

func (k *unary) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.Len, grain))
}

func (k *unary) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, grain, k.Len)
	asm.Apply(asm.Func(k.Fn), out(a, 0)[lo:hi], in(a, 0)[lo:hi])
}

// unaryGrad multiplies with a function's slope.
type unaryGrad struct {
	noScratch
	engine.UnaryGrad
}

func newUnaryGrad(_ *Engine, op engine.UnaryGrad) (engine.Kernel, error) {
	return &unaryGrad{UnaryGrad: op}, nil
}

func (k *unaryGrad) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.Len, grain))
}

func (k *unaryGrad) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, grain, k.Len)
	asm.ApplySlope(asm.Func(k.Fn), out(a, 0)[lo:hi], in(a, 0)[lo:hi], in(a, 1)[lo:hi])
}

// gate joins halves of rows.
type gate struct {
	noScratch
	engine.Gate
}

func newGate(_ *Engine, op engine.Gate) (engine.Kernel, error) { return &gate{Gate: op}, nil }

func (k *gate) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.Rows, rowsPerPiece(2*k.C)))
}

func (k *gate) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, rowsPerPiece(2*k.C), k.Rows)
	for row := lo; row < hi; row++ {
		value, gate, fn := halves(k.GLU, in(a, 0)[row*2*k.C:][:2*k.C])
		asm.ApplyMul(fn, out(a, 0)[row*k.C:][:k.C], value, gate)
	}
}

// halves returns the two parts of a row, and the function of the gate.
func halves(glu engine.GLU, row []float32) (value, gate []float32, fn asm.Func) {
	n := len(row) / 2
	if glu == engine.SwiGLU {
		return row[n:], row[:n], asm.SiLU
	}
	return row[:n], row[n:], asm.GELU
}

// gateGrad is the gradient of gate.
type gateGrad struct {
	noScratch
	engine.GateGrad
}

func newGateGrad(_ *Engine, op engine.GateGrad) (engine.Kernel, error) {
	return &gateGrad{GateGrad: op}, nil
}

func (k *gateGrad) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.Rows, rowsPerPiece(2*k.C)))
}

func (k *gateGrad) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, rowsPerPiece(2*k.C), k.Rows)
	for row := lo; row < hi; row++ {
		value, gate, fn := halves(k.GLU, in(a, 0)[row*2*k.C:][:2*k.C])
		dvalue, dgate, _ := halves(k.GLU, out(a, 0)[row*2*k.C:][:2*k.C])
		asm.ApplyMulSlope(fn, dvalue, dgate, value, gate, in(a, 1)[row*k.C:][:k.C])
	}
}
