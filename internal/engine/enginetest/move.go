package enginetest

import "github.com/easel-go/easel/internal/engine"

func concat(op engine.Concat, in [][]float64) []float64 {
	var y []float64
	for o := range op.Outer {
		for i, n := range op.Sizes {
			y = append(y, in[i][o*n*op.Inner:][:n*op.Inner]...)
		}
	}
	return y
}

func cut(op engine.Cut, x []float64) []float64 {
	var y []float64
	for o := range op.Outer {
		y = append(y, x[(o*op.Size+op.From)*op.Inner:(o*op.Size+op.To)*op.Inner]...)
	}
	return y
}

func cutGrad(op engine.CutGrad, dy []float64) []float64 {
	dx := make([]float64, op.Outer*op.Size*op.Inner)
	n := (op.To - op.From) * op.Inner
	for o := range op.Outer {
		copy(dx[(o*op.Size+op.From)*op.Inner:], dy[o*n:][:n])
	}
	return dx
}

func permute(op engine.Permute, x []float64) []float64 {
	stride := make([]int, len(op.Shape)) // of x
	for n, i := 1, len(op.Shape)-1; i >= 0; i-- {
		stride[i] = n
		n *= op.Shape[i]
	}
	y := make([]float64, len(x))
	for i := range y {
		at, rest := 0, i
		for d := len(op.Perm) - 1; d >= 0; d-- {
			axis := op.Perm[d]
			at += rest % op.Shape[axis] * stride[axis]
			rest /= op.Shape[axis]
		}
		y[i] = x[at]
	}
	return y
}

// eachPixel calls f with where a pixel of the enlarged picture begins, and the pixel
// it shows.
func eachPixel(op engine.Upsample, f func(large, small int)) {
	for i := range op.Batch * op.OutH * op.OutW {
		b, y, x := i/op.OutW/op.OutH, i/op.OutW%op.OutH, i%op.OutW
		f(i*op.C, ((b*op.H+y*op.H/op.OutH)*op.W+x*op.W/op.OutW)*op.C)
	}
}

func upsample(op engine.Upsample, x []float64) []float64 {
	y := make([]float64, op.Batch*op.OutH*op.OutW*op.C)
	eachPixel(op, func(large, small int) { copy(y[large:][:op.C], x[small:]) })
	return y
}

func upsampleGrad(op engine.UpsampleGrad, dy []float64) []float64 {
	dx := make([]float64, op.Batch*op.H*op.W*op.C)
	eachPixel(engine.Upsample(op), func(large, small int) { axpy(1, dy[large:][:op.C], dx[small:]) })
	return dx
}

func rope(op engine.Rope, x, table []float64) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		c, n, b := i%op.Dim, i/op.Dim/op.Heads%op.N, i/op.Dim/op.Heads/op.N
		if c >= op.Rot {
			y[i] = x[i]
			continue
		}
		if !op.PerItem {
			b = 0
		}
		at := ((b*op.N+n)*(op.Rot/2) + c/2) * 2
		cos, sin := table[at], table[at+1]
		if op.Inverse {
			sin = -sin
		}
		if c%2 == 0 {
			y[i] = x[i]*cos - x[i+1]*sin
		} else {
			y[i] = x[i]*cos + x[i-1]*sin
		}
	}
	return y
}

func embed(op engine.Embed, table, ids []float64) []float64 {
	var y []float64
	for _, id := range ids {
		y = append(y, table[int(id)*op.C:][:op.C]...)
	}
	return y
}

func embedGrad(op engine.EmbedGrad, ids, dy []float64) []float64 {
	d := make([]float64, op.Vocab*op.C)
	for r, id := range ids {
		axpy(1, dy[r*op.C:][:op.C], d[int(id)*op.C:])
	}
	return d
}
