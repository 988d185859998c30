package weights

import (
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/nn"
)

// Misfit says how a checkpoint and a network disagree. It is the cause (errors.As)
// of the error that Bind returns then; that error's kind is Missing, Shape or
// Invalid (nothing but unused tensors), in this order.
type Misfit struct {
	Missing   []string // wanted by the network, not in the checkpoint
	Misshapen []string // "name [4 8], want [8 8]"; also element types a network cannot use
	Unused    []string // in the checkpoint, wanted by nobody
}

// Error names the first few of each kind and counts the rest.
func (m *Misfit) Error() string {
	var parts []string
	for _, p := range []struct {
		what  string
		names []string
	}{{"missing", m.Missing}, {"of another shape or type", m.Misshapen}, {"unused", m.Unused}} {
		if len(p.names) == 0 {
			continue
		}
		const show = 3
		list := strings.Join(p.names[:min(show, len(p.names))], ", ")
		if len(p.names) > show {
			list += ", …"
		}
		parts = append(parts, fmt.Sprintf("%d %s (%s)", len(p.names), p.what, list))
	}
	return "the checkpoint does not fit the network: " + strings.Join(parts, "; ")
}

func (m *Misfit) kind() fault.Kind {
	switch {
	case m.Missing != nil:
		return fault.Missing
	case m.Misshapen != nil:
		return fault.Shape
	case m.Unused != nil:
		return fault.Invalid
	}
	return ""
}

// Bind gives each parameter below root (see nn.Walk) the tensor of its name in src.
// With a prefix "encoder", the names are those below "encoder." and tensors outside
// it belong to others; with "", every tensor must be used.
//
// Missing, misshapen and unused tensors are reported together, in one error with a
// *[Misfit] in it; root is untouched then. Types are float32, float16 and bfloat16;
// values stay as stored.
func Bind(root any, src *Source, prefix string) error {
	misfit := &Misfit{}
	params := map[string]*nn.Param{}
	var names []string
	for name, p := range nn.Walk[*nn.Param](root) {
		name = nn.Join(prefix, name)
		if params[name] != nil && params[name] != p {
			return src.fault(fault.Invalid, "network", "has two parameters "+name, "one")
		}
		names, params[name] = append(names, name), p
		misfit.check(src, name, p)
	}
	for _, name := range src.names {
		if params[name] == nil && (prefix == "" || strings.HasPrefix(name, prefix+".")) {
			misfit.Unused = append(misfit.Unused, name)
		}
	}
	if k := misfit.kind(); k != "" {
		return &fault.Error{Kind: k, Op: "weights", Where: src.path, Err: misfit}
	}
	values := make([]*tensor.Dense, len(names))
	for i, name := range names {
		var err error
		if values[i], err = src.Tensor(name); err != nil {
			return err
		}
	}
	for i, name := range names {
		params[name].Name, params[name].Value = name, values[i]
	}
	return nil
}

func (m *Misfit) check(src *Source, name string, p *nn.Param) {
	info, ok := src.Info(name)
	switch {
	case !ok:
		m.Missing = append(m.Missing, name)
	case !slices.Equal(info.Shape, p.Shape):
		m.Misshapen = append(m.Misshapen, fmt.Sprintf("%s %v, want %v", name, []int(info.Shape), []int(p.Shape)))
	case info.Dtype != F32 && info.Dtype != F16 && info.Dtype != BF16:
		m.Misshapen = append(m.Misshapen, fmt.Sprintf("%s %s, want F32, F16 or BF16", name, info.Dtype))
	}
}
