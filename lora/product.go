package lora

import (
	"fmt"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
)

// product is the definition of every kind of change: the matrix that is added to the
// weight, before it is scaled, of the weight's shape, in float64.
//
//	lora           up·down
//	locon-tucker   up·mid·down                      mid [r, r, k, k]
//	loha           (w1_a·w1_b) ⊙ (w2_a·w2_b)        (Hyeon-Woo and others 2022)
//	lokr           w1 ⊗ w2                          (Yeh and others 2023)
//	full           diff
func (l *layer) product(weight tensor.Shape) ([]float64, error) {
	m, err := l.productOf(weight)
	if err != nil {
		return nil, err
	}
	if m.rows != weight[0] || len(m.v) != weight.TotalSize() {
		return nil, &fault.Error{Kind: fault.Shape, Op: "lora", What: "layer " + l.name, Have: fmt.Sprintf("changes a weight of %d×%d numbers", m.rows, m.cols),
			Want: fmt.Sprint([]int(weight))}
	}
	return m.v, nil
}

func (l *layer) productOf(weight tensor.Shape) (matrix, error) {
	m := func(r role) matrix { return flat(l.parts[r]) }
	var p matrix
	var err error
	switch {
	case l.parts[mid] != nil:
		p, err = l.tucker(m(up), l.parts[mid], m(down))
	case l.parts[down] != nil:
		p, err = l.times(m(up), m(down))
	case l.parts[hadaT1] != nil:
		var q matrix
		if p, err = l.tucker(m(hada1a).transposed(), l.parts[hadaT1], m(hada1b)); err == nil {
			q, err = l.tucker(m(hada2a).transposed(), l.parts[hadaT2], m(hada2b))
		}
		return l.hadamard(p, q, err)
	case l.parts[hada1a] != nil:
		var q matrix
		if p, err = l.times(m(hada1a), m(hada1b)); err == nil {
			q, err = l.times(m(hada2a), m(hada2b))
		}
		return l.hadamard(p, q, err)
	case l.parts[diff] != nil:
		p = m(diff)
	default:
		return l.kroneckerProduct(weight)
	}
	return p, err
}

// matrix is rows × cols numbers. A filter [out, in, k, k] is a matrix [out, in·k·k].
type matrix struct {
	rows, cols int
	v          []float64
}

func flat(t *tensor.Dense) matrix {
	s := t.Shape()
	m := matrix{rows: s[0], cols: t.DataSize() / s[0], v: make([]float64, t.DataSize())}
	for i, x := range numbers(t) {
		m.v[i] = float64(x)
	}
	return m
}

func (m matrix) transposed() matrix {
	t := matrix{m.cols, m.rows, make([]float64, len(m.v))}
	for i := range m.rows {
		for j := range m.cols {
			t.v[j*m.rows+i] = m.v[i*m.cols+j]
		}
	}
	return t
}

// times is a·b.
func (l *layer) times(a, b matrix) (matrix, error) {
	if a.cols != b.rows {
		return matrix{}, &fault.Error{Kind: fault.Shape, Op: "lora", What: "layer " + l.name,
			Have: fmt.Sprintf("matrices of %d×%d and %d×%d", a.rows, a.cols, b.rows, b.cols), Want: "one rank"}
	}
	p := matrix{a.rows, b.cols, make([]float64, a.rows*b.cols)}
	for i := range a.rows {
		row := p.v[i*p.cols:][:p.cols]
		for k := range a.cols {
			f := a.v[i*a.cols+k]
			for j, x := range b.v[k*b.cols:][:b.cols] {
				row[j] += f * x
			}
		}
	}
	return p, nil
}

// tucker is Σ up[o, i]·mid[i, j, y, x]·down[j, c] as a matrix of rows o and columns
// (c, y, x).
func (l *layer) tucker(up matrix, mid *tensor.Dense, down matrix) (matrix, error) {
	s := mid.Shape()
	if len(s) != 4 || s[1] != down.rows {
		return matrix{}, &fault.Error{Kind: fault.Shape, Op: "lora", What: "layer " + l.name, Have: fmt.Sprintf("a core of %v", []int(s)),
			Want: fmt.Sprintf("[r %d k k]", down.rows)}
	}
	area := s[2] * s[3]
	core := flat(mid)
	inner := matrix{s[0], down.cols * area, make([]float64, s[0]*down.cols*area)}
	for i := range s[0] {
		for j := range s[1] {
			for c := range down.cols {
				d := down.v[j*down.cols+c]
				for p := range area {
					inner.v[i*inner.cols+c*area+p] += core.v[(i*s[1]+j)*area+p] * d
				}
			}
		}
	}
	return l.times(up, inner)
}

func (l *layer) hadamard(a, b matrix, err error) (matrix, error) {
	if err == nil && (a.rows != b.rows || a.cols != b.cols) {
		err = &fault.Error{Kind: fault.Shape, Op: "lora", What: "layer " + l.name,
			Have: fmt.Sprintf("products of %d×%d and %d×%d", a.rows, a.cols, b.rows, b.cols), Want: "two of one size"}
	}
	if err != nil {
		return matrix{}, err
	}
	for i := range a.v {
		a.v[i] *= b.v[i]
	}
	return a, nil
}

func (l *layer) kroneckerProduct(weight tensor.Shape) (p matrix, err error) {
	w1, w2 := matrix{}, matrix{}
	if l.parts[lokr1] != nil {
		w1 = flat(l.parts[lokr1])
	} else if w1, err = l.times(flat(l.parts[lokr1a]), flat(l.parts[lokr1b])); err != nil {
		return p, err
	}
	switch {
	case l.parts[lokr2] != nil:
		w2 = flat(l.parts[lokr2])
	case l.parts[lokrT2] != nil:
		w2, err = l.tucker(flat(l.parts[lokr2a]).transposed(), l.parts[lokrT2], flat(l.parts[lokr2b]))
	default:
		w2, err = l.times(flat(l.parts[lokr2a]), flat(l.parts[lokr2b]))
	}
	if err != nil {
		return p, err
	}
	return kron(w1, w2), nil
}

// kron is the Kronecker product. The columns of b may be (channel, y, x).
func kron(a, b matrix) matrix {
	p := matrix{a.rows * b.rows, a.cols * b.cols, make([]float64, len(a.v)*len(b.v))}
	for i := range a.rows {
		for j := range a.cols {
			f := a.v[i*a.cols+j]
			for k := range b.rows {
				row := p.v[(i*b.rows+k)*p.cols+j*b.cols:][:b.cols]
				for n, x := range b.v[k*b.cols:][:b.cols] {
					row[n] = f * x
				}
			}
		}
	}
	return p
}
