package plan

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"

	"github.com/easel-go/easel/internal/engine"
)

// String lists the program: what it is in figures, its inputs, and every step with
// the place of its result in the slab.
func (p *Program) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "program for %s: %d steps, %s, slab %s (in use at most %s, scratch %s), weights %s\n",
		p.eng.Name(), len(p.launch), count(p.flops, "FLOP"), size(p.slab), size(p.live), size(p.scratch), size(p.constBytes))
	for _, in := range p.inputs {
		fmt.Fprintf(&b, "  input   %-24s %s\n", in.Name, in.Desc)
	}
	scope := ""
	for i, l := range p.launch {
		if l.scope != scope {
			scope = l.scope
			fmt.Fprintln(&b, cmp.Or(scope, "(top)"))
		}
		name := opName(l.op)
		if l.again {
			name += " again"
		}
		fmt.Fprintf(&b, "  %5d   %-20s %-80s %10s  %s\n", i, name, detail(l.op), count(flops(l.op), ""), p.results(l))
	}
	for i, out := range p.outputs {
		fmt.Fprintf(&b, "  output  %-24d %s\n", i, where(out.at))
	}
	return b.String()
}

// results says where a step writes.
func (p *Program) results(l launch) string {
	var outs []string
	for _, r := range p.refs[l.out:l.end] {
		outs = append(outs, where(r))
	}
	s := strings.Join(outs, ", ")
	if l.inPlace {
		s += " in place"
	}
	return s
}

func where(r region) string {
	switch r.place {
	case constant:
		return "in a constant"
	case variable:
		return "in a variable"
	}
	return fmt.Sprintf("%s at %s", size(r.bytes), size(r.off))
}

// opName is the kernel's name: "linear", "conv2dinputgrad".
func opName(op engine.Op) string { return strings.ToLower(reflect.TypeOf(op).Name()) }

// detail spells the sizes and choices of an op that are not zero: "batch=2 rows=77".
func detail(op engine.Op) string {
	var parts []string
	var fields func(v reflect.Value)
	fields = func(v reflect.Value) {
		for i := range v.NumField() {
			f, x := v.Type().Field(i), v.Field(i)
			switch {
			case f.Anonymous:
				fields(x)
			case x.IsZero() || f.Name == "Compute" && x.Interface() == any(engine.Float32):
			case x.Kind() == reflect.Bool:
				parts = append(parts, strings.ToLower(f.Name))
			default:
				parts = append(parts, fmt.Sprintf("%s=%s", strings.ToLower(f.Name), spell(x.Interface())))
			}
		}
	}
	fields(reflect.ValueOf(op))
	return strings.Join(parts, " ")
}

// count writes a number with the prefix that suits it.
func count(n float64, unit string) string {
	for _, p := range []struct {
		size   float64
		prefix string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if n >= p.size {
			return fmt.Sprintf("%.3g %s%s", n/p.size, p.prefix, unit)
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%.0f %s", n, unit))
}

// size writes a number of bytes.
func size(n int64) string {
	switch x := float64(n); {
	case n >= 1<<30:
		return fmt.Sprintf("%.2f GiB", x/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", x/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", x/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
