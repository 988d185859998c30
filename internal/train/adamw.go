package train

import (
	"math"
	"runtime"
	"sync"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
)

// AdamW is torch.optim.AdamW (2.13; Loshchilov and Hutter 2019, algorithm 2) as a
// gorgonia.Solver. Zero fields but LearningRate and WeightDecay mean torch's defaults.
type AdamW struct {
	LearningRate float64
	Beta1, Beta2 float64 // 0.9 and 0.999
	Eps          float64 // 1e-8
	WeightDecay  float64 // 0 is none; torch's default is 0.01
	AMSGrad      bool    // divide by the largest second moment so far (Reddi and others 2018)
	Maximize     bool    // climb

	// Relative are factors of LearningRate, one for each parameter: torch's groups of
	// parameters. nil means 1 for all.
	Relative []float64

	// Steps counts the steps taken. M, V and, with AMSGrad, Top are the moments, a slice
	// for each parameter; they are made in the first step.
	Steps     int
	M, V, Top []any
}

var _ gorgonia.Solver = (*AdamW)(nil)

// Step changes every value by its gradient. Values and gradients are dense float32 or
// float64 tensors of equal shape, the same ones in each call. A value whose gradient is
// nil stays as it is: torch does not decay what has no gradient either.
func (o *AdamW) Step(model []gorgonia.ValueGrad) error {
	if o.M == nil {
		o.M, o.V, o.Top = make([]any, len(model)), make([]any, len(model)), make([]any, len(model))
	}
	if len(o.M) != len(model) || o.Relative != nil && len(o.Relative) != len(model) {
		return fault.Newf(fault.Shape, "train", "%d parameters, want the %d of the first step, and a relative rate for each or none", len(model), len(o.M))
	}
	var slices []func()
	for i, p := range model {
		g, err := p.Grad()
		if err != nil {
			return &fault.Error{Kind: fault.Missing, Op: "train", What: "gradient", Err: err}
		}
		if g == nil {
			continue
		}
		v, okV := p.Value().(*tensor.Dense)
		d, okG := g.(*tensor.Dense)
		if !okV || !okG || v.Dtype() != d.Dtype() || v.DataSize() != d.DataSize() {
			return fault.Newf(fault.Shape, "train", "parameter %d: a gradient of another shape or type", i)
		}
		switch v.Dtype() {
		case tensor.Float32:
			slices = append(slices, adamStep[float32](o, i, v, d)...)
		case tensor.Float64:
			slices = append(slices, adamStep[float64](o, i, v, d)...)
		default:
			return fault.Newf(fault.Unsupported, "train", "parameter %d of type %v, want float32 or float64", i, v.Dtype())
		}
	}
	o.Steps++
	spread(slices)
	return nil
}

// spread runs pieces of work on all processors.
func spread(work []func()) {
	var wg sync.WaitGroup
	n := min(runtime.GOMAXPROCS(0), len(work))
	for k := range n {
		wg.Go(func() {
			for i := k; i < len(work); i += n {
				work[i]()
			}
		})
	}
	wg.Wait()
}

// adamStep returns the work on one parameter, in pieces.
func adamStep[T float32 | float64](o *AdamW, i int, value, grad *tensor.Dense) []func() {
	p, g := value.Data().([]T), grad.Data().([]T)
	if o.M[i] == nil {
		o.M[i], o.V[i] = make([]T, len(p)), make([]T, len(p))
		if o.AMSGrad {
			o.Top[i] = make([]T, len(p))
		}
	}
	m, v := o.M[i].([]T), o.V[i].([]T)
	top, _ := o.Top[i].([]T)
	c := o.coefficients(i, o.Steps+1)
	const piece = 1 << 16
	var work []func()
	for from := 0; from < len(p); from += piece {
		to := min(from+piece, len(p))
		work = append(work, func() {
			var t []T
			if top != nil {
				t = top[from:to]
			}
			adamPiece(c, p[from:to], m[from:to], v[from:to], t, g[from:to])
		})
	}
	return work
}

// coefficients are the numbers of one step for parameter i.
type coefficients struct{ shrink, one1, beta2, one2, rate, root, eps, sign float64 }

func (o *AdamW) coefficients(i, step int) coefficients {
	b1, b2, eps := orElse(o.Beta1, 0.9), orElse(o.Beta2, 0.999), orElse(o.Eps, 1e-8)
	lr := o.LearningRate
	if o.Relative != nil {
		lr *= o.Relative[i]
	}
	c := coefficients{
		shrink: 1 - lr*o.WeightDecay, one1: 1 - b1, beta2: b2, one2: 1 - b2,
		rate: lr / (1 - math.Pow(b1, float64(step))), root: math.Sqrt(1 - math.Pow(b2, float64(step))), eps: eps, sign: 1,
	}
	if o.Maximize {
		c.sign = -1
	}
	return c
}

func orElse(x, otherwise float64) float64 {
	if x == 0 {
		return otherwise
	}
	return x
}

// adamPiece is
//
//	p = p·(1−lr·decay)   m += (g−m)·(1−β₁)   v = β₂·v + (1−β₂)·g²
//	p −= lr/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε)
//
// Moments are rounded where torch's kernels round them (lerp_ and addcmul_, compiled
// with fused products), so that they are equal bit by bit.
func adamPiece[T float32 | float64](c coefficients, p, m, v, top, g []T) {
	shrink, one1, beta2, one2 := T(c.shrink), T(c.one1), T(c.beta2), T(c.one2)
	rate, root, eps, sign := T(c.rate), T(c.root), T(c.eps), T(c.sign)
	for i, d := range g {
		d *= sign
		m[i] = lerp(m[i], d, one1)
		v[i] = fused(one2*d, d, T(beta2*v[i]))
		second := v[i]
		if top != nil {
			top[i] = max(top[i], v[i])
			second = top[i]
		}
		p[i] = p[i]*shrink - rate*m[i]/(T(math.Sqrt(float64(second)))/root+eps)
	}
}

// lerp is a + (b−a)·w, counted from the nearer end.
func lerp[T float32 | float64](a, b, w T) T {
	if w < 0.5 {
		return fused(w, b-a, a)
	}
	return fused(w-1, b-a, b)
}

// fused is a·b + c, rounded once.
func fused[T float32 | float64](a, b, c T) T {
	return T(math.FMA(float64(a), float64(b), float64(c)))
}
