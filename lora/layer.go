package lora

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
)

// layer is what an adapter does to one layer of a model.
type layer struct {
	name  string // as the file has it
	parts map[role]*tensor.Dense
	rank  int     // of the file's matrices; 0 for a whole difference
	alpha float64 // 0 where nobody tells it: the change is not scaled

	rootRank bool // alpha/√rank instead of alpha/rank (Kalajdzievski 2023)
	peft     bool // PEFT's rules where LyCORIS' differ
	squared  bool // see LikeLyCORISMerge
}

// forms are the sets of tensors that make a change: those that must be there, and
// those that may.
var forms = []struct {
	kind string
	need []role
	may  []role
}{
	{"lora", []role{down, up}, []role{upBias}},
	{"locon-tucker", []role{down, mid, up}, nil},
	{"loha", []role{hada1a, hada1b, hada2a, hada2b}, nil},
	{"loha-tucker", []role{hada1a, hada1b, hada2a, hada2b, hadaT1, hadaT2}, nil},
	{"lokr", []role{lokr1, lokr2}, nil},
	{"lokr", []role{lokr1a, lokr1b, lokr2}, nil},
	{"lokr", []role{lokr1, lokr2a, lokr2b}, []role{lokrT2}},
	{"lokr", []role{lokr1a, lokr1b, lokr2a, lokr2b}, []role{lokrT2}},
	{"full", []role{diff}, []role{diffBias}},
}

// form returns the index in forms that the layer's tensors make, or −1.
func (l *layer) form() int {
	for i, f := range forms {
		n := 0
		for r := range l.parts {
			if slices.Contains(f.need, r) {
				n++
			} else if r != alpha && r != magnitude && !slices.Contains(f.may, r) {
				n = -len(l.parts)
			}
		}
		if n == len(f.need) {
			return i
		}
	}
	return -1
}

func (l *layer) kind() string {
	k := forms[l.form()].kind
	if l.parts[magnitude] != nil {
		k += "+dora"
	}
	return k
}

func (l *layer) bytes() int64 {
	var n int64
	for _, t := range l.parts {
		n += int64(t.MemSize())
	}
	return n
}

// check finds out kind and rank, and whether the tensors fit each other.
func (l *layer) check() error {
	if l.form() < 0 {
		return &fault.Error{Kind: fault.Missing, Op: "lora", What: "layer " + l.name, Have: fmt.Sprintf("has only %v", l.roles()),
			Want: "both halves of a pair, or another complete set"}
	}
	for _, p := range l.pairs() {
		a, b := l.parts[p.a], l.parts[p.b]
		if a == nil || b == nil {
			continue
		}
		if p.axisA >= a.Dims() || p.axisB >= b.Dims() || a.Shape()[p.axisA] != b.Shape()[p.axisB] {
			return l.misfit(p.a, p.b)
		}
		l.rank = a.Shape()[p.axisA]
	}
	if t := l.parts[alpha]; t != nil {
		if t.DataSize() != 1 {
			return &fault.Error{Kind: fault.Shape, Op: "lora", What: "layer " + l.name, Have: fmt.Sprintf("alpha %v", t.Shape()), Want: "one number"}
		}
		l.alpha = math.Abs(float64(numbers(t)[0]))
	}
	return nil
}

// pair is two tensors that share a rank, each on one of its axes.
type pair struct {
	a, b         role
	axisA, axisB int
}

// pairs lists which tensors must share ranks, the one that is the layer's rank last.
// In Tucker's form the ranks of LoHa lie on the first axis of all factors, and those
// of LoKr too.
func (l *layer) pairs() []pair {
	switch {
	case l.parts[mid] != nil:
		return []pair{{mid, up, 0, 1}, {down, mid, 0, 1}}
	case l.parts[hadaT1] != nil:
		return []pair{{hadaT1, hada1a, 0, 0}, {hadaT2, hada2a, 0, 0}, {hadaT2, hada2b, 1, 0}, {hadaT1, hada1b, 1, 0}}
	case l.parts[lokrT2] != nil:
		return []pair{{lokr1a, lokr1b, 1, 0}, {lokrT2, lokr2b, 1, 0}, {lokrT2, lokr2a, 0, 0}}
	}
	return []pair{{lokr1a, lokr1b, 1, 0}, {lokr2a, lokr2b, 1, 0}, {hada2a, hada2b, 1, 0}, {hada1a, hada1b, 1, 0}, {down, up, 0, 1}}
}

func (l *layer) roles() []role { return slices.Sorted(maps.Keys(l.parts)) }

func (l *layer) misfit(a, b role) error {
	return &fault.Error{Kind: fault.Shape, Op: "lora", What: "layer " + l.name,
		Have: fmt.Sprintf("%s %v and %s %v", a, []int(l.parts[a].Shape()), b, []int(l.parts[b].Shape())), Want: "one rank"}
}

// factor is what the product of the matrices is multiplied by: alpha/rank. Whole
// differences, and in LyCORIS LoKr of two whole factors, are taken as they are.
func (l *layer) factor() float64 {
	whole := l.parts[diff] != nil || l.parts[lokr1] != nil && l.parts[lokr2] != nil && !l.peft
	switch {
	case l.alpha == 0 || l.rank == 0 || whole:
		return 1
	case l.rootRank:
		return l.alpha / math.Sqrt(float64(l.rank))
	}
	f := l.alpha / float64(l.rank)
	if l.squared && !l.peft && l.parts[down] == nil {
		f *= f
	}
	return f
}

// numbers returns a tensor's values as float32: its own, or widened ones.
func numbers(t *tensor.Dense) []float32 {
	v, _ := graph.Widen(t).Data().([]float32)
	return v
}
