package lora

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/nn"
)

// change is the layer's difference in the form in which it is applied, for a weight of
// the given shape. Names of parameters begin with prefix.
func (l *layer) change(prefix string, weight tensor.Shape) (nn.Change, error) {
	if err := l.fits(weight); err != nil {
		return nil, err
	}
	param := func(r role) *nn.Param { return l.param(prefix, r, l.parts[r]) }
	var c nn.Change
	switch {
	case l.parts[down] != nil:
		low := &nn.LowRank{Down: l.param(prefix, down, unflattened(l.parts[down], weight)), Up: param(up)}
		if l.parts[mid] != nil {
			low.Down, low.Mid = param(down), param(mid)
		}
		c = low
	case l.parts[lokr2] != nil || l.parts[lokr2a] != nil:
		var err error
		if c, err = l.kronecker(prefix, weight); err != nil {
			return nil, err
		}
	default:
		full := l.param(prefix, diff, l.parts[diff])
		if l.parts[diff] == nil {
			m, err := l.product(weight)
			if err != nil {
				return nil, err
			}
			full = l.param(prefix, diff, dense(weight.Clone(), narrowed(m)))
		}
		c = &nn.Full{Weight: full}
	}
	return c, nil
}

func (l *layer) param(prefix string, r role, t *tensor.Dense) *nn.Param {
	p := &nn.Param{Name: prefix + "." + string(r), Value: t}
	if t != nil {
		p.Shape = t.Shape()
	}
	return p
}

// kronecker is LoKr with its factors as they are stored, the filter's size given back
// to those that were flattened.
func (l *layer) kronecker(prefix string, weight tensor.Shape) (nn.Change, error) {
	k := &nn.Kronecker{}
	if l.parts[lokr1] != nil {
		k.W1 = &nn.Full{Weight: l.param(prefix, lokr1, l.parts[lokr1])}
	} else {
		k.W1 = &nn.LowRank{Up: l.param(prefix, lokr1a, l.parts[lokr1a]), Down: l.param(prefix, lokr1b, l.parts[lokr1b])}
	}
	switch {
	case l.parts[lokr2] != nil:
		k.W2 = &nn.Full{Weight: l.param(prefix, lokr2, unflattened(l.parts[lokr2], weight))}
	case l.parts[lokrT2] != nil:
		k.W2 = &nn.LowRank{
			Up:   l.param(prefix, lokr2a, transposed(l.parts[lokr2a])),
			Mid:  l.param(prefix, lokrT2, l.parts[lokrT2]),
			Down: l.param(prefix, lokr2b, l.parts[lokr2b]),
		}
	default:
		k.W2 = &nn.LowRank{Up: l.param(prefix, lokr2a, l.parts[lokr2a]), Down: l.param(prefix, lokr2b, unflattened(l.parts[lokr2b], weight))}
	}
	for _, r := range l.roles() {
		if d := l.parts[r].Dims(); r != alpha && r != magnitude && d != 2 && d != 4 {
			return nil, l.badShape(r, "a matrix or a filter")
		}
	}
	return k, nil
}

// unflattened gives a matrix [rows, in·k·k] the shape [rows, in, k, k] where the
// weight has filters larger than 1×1.
func unflattened(t *tensor.Dense, weight tensor.Shape) *tensor.Dense {
	if len(weight) != 4 || t.Dims() != 2 {
		return t
	}
	area := weight[2] * weight[3]
	if area == 1 || t.Shape()[1]%area != 0 {
		return t
	}
	return dense(tensor.Shape{t.Shape()[0], t.Shape()[1] / area, weight[2], weight[3]}, numbers(t))
}

func transposed(t *tensor.Dense) *tensor.Dense {
	v, s := numbers(t), t.Shape()
	if len(s) != 2 {
		return t
	}
	w := make([]float32, len(v))
	for i := range s[0] {
		for j := range s[1] {
			w[j*s[0]+i] = v[i*s[1]+j]
		}
	}
	return dense(tensor.Shape{s[1], s[0]}, w)
}

// fits checks the outer sizes against the weight, [out, in] or [out, in, k, k].
func (l *layer) fits(weight tensor.Shape) error {
	if rows, cols := l.size(); rows != weight[0] || cols*rows != weight.TotalSize() {
		return &fault.Error{Kind: fault.Shape, Op: "lora", What: "layer " + l.name, Have: fmt.Sprintf("changes a weight of %d×%d numbers", rows, cols),
			Want: fmt.Sprint([]int(weight))}
	}
	for _, r := range []role{upBias, diffBias} {
		if t := l.parts[r]; t != nil && t.DataSize() != weight[0] {
			return l.badShape(r, fmt.Sprintf("[%d]", weight[0]))
		}
	}
	if t := l.parts[magnitude]; t != nil {
		if n := t.DataSize(); n != weight[0] && !(n == weight[1] && l.perInput(weight)) {
			return l.badShape(magnitude, fmt.Sprintf("[%d]", weight[0]))
		}
	}
	return nil
}

// size is the rows and columns of the change as a matrix.
func (l *layer) size() (rows, cols int) {
	per := func(r role) (first, rest int) {
		t := l.parts[r]
		return t.Shape()[0], t.DataSize() / t.Shape()[0]
	}
	area := func(r role) int {
		t := l.parts[r]
		if t == nil || t.Dims() != 4 {
			return 1
		}
		return t.Shape()[2] * t.Shape()[3]
	}
	outer := func(a, b, core role) (rows, cols int) {
		rows, aRest := per(a)
		if core == hadaT1 || core == lokrT2 {
			if l.parts[core] != nil {
				rows = aRest
			}
		}
		_, cols = per(b)
		return rows, cols * area(core)
	}
	switch {
	case l.parts[down] != nil:
		return outer(up, down, mid)
	case l.parts[hada1a] != nil:
		return outer(hada1a, hada1b, hadaT1)
	case l.parts[diff] != nil:
		return per(diff)
	}
	rows1, cols1 := 0, 0
	if l.parts[lokr1] != nil {
		rows1, cols1 = per(lokr1)
	} else {
		rows1, cols1 = outer(lokr1a, lokr1b, "")
	}
	if l.parts[lokr2] != nil {
		rows, cols = per(lokr2)
	} else {
		rows, cols = outer(lokr2a, lokr2b, lokrT2)
	}
	return rows1 * rows, cols1 * cols
}

// perInput says that the magnitudes are those of inputs, [1, in], as LyCORIS wrote
// them at first.
func (l *layer) perInput(weight tensor.Shape) bool {
	s := l.parts[magnitude].Shape()
	return len(s) >= 2 && s[0] == 1 && s[1] == weight[1] && !slices.Equal(s, weight[:1])
}

func (l *layer) badShape(r role, want string) error {
	return &fault.Error{Kind: fault.Shape, Op: "lora", What: "layer " + l.name,
		Have: fmt.Sprintf("%s %v", r, []int(l.parts[r].Shape())), Want: want}
}
