package plan

import (
	"fmt"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// spell writes a field of an op as a person would.
func spell(v any) string {
	switch x := v.(type) {
	case tensor.Dtype:
		return graph.DtypeName(x)
	case engine.Func:
		return [...]string{"identity", "silu", "gelu", "gelu_tanh", "quick_gelu", "sigmoid", "tanh", "relu"}[x]
	case engine.GLU:
		return [...]string{"none", "geglu", "swiglu"}[x]
	case engine.Spread:
		return [...]string{"full", "scalar", "inner", "row", "item", "outer"}[x]
	case engine.BinaryFunc:
		return [...]string{"add", "sub", "mul"}[x]
	}
	return fmt.Sprint(v)
}
