package asm

import "math"

// AdamW is a step of the optimiser, as torch.optim.AdamW takes it.
type AdamW struct {
	Beta1, Beta2, Eps float32
	Factor            float32 // on the gradient
	Shrink            float32 // 1 − lr·decay
	Step              float32 // lr/(1−β₁ᵗ)
	Root              float32 // 1/√(1−β₂ᵗ)
}

// Run updates the parameters p and their moments m and v for the gradient g:
//
//	m += (g−m)·(1−β₁)    v = β₂·v + (1−β₂)·g²    p = p·Shrink − Step·m/(√v·Root + ε)
func (s *AdamW) Run(p, m, v, g []float32) {
	a, b := 1-s.Beta1, 1-s.Beta2
	if level > PureGo {
		var args mapArgs
		args.on5(p, m, v, p, m)
		args.p[5], args.p[6] = first(v, args.n), first(g, args.n)
		args.s = [8]float32{a, s.Beta2, b, s.Eps, s.Factor, s.Shrink, s.Step, s.Root}
		args.run(mapAdamW)
		return
	}
	for i, d := range g[:len(p)] {
		d *= s.Factor
		m[i] += (d - m[i]) * a
		v[i] = s.Beta2*v[i] + b*d*d
		root := float32(math.Sqrt(float64(v[i])))
		p[i] = p[i]*s.Shrink - s.Step*m[i]/(root*s.Root+s.Eps)
	}
}
