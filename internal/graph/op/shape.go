package op

import (
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// want is the error of a shape rule: what the inputs should have been.
func want(format string, args ...any) (graph.Desc, error) {
	return graph.Desc{}, fmt.Errorf(format, args...)
}

// float32s returns an error unless all inputs are float32.
func float32s(in ...graph.Desc) error {
	for _, d := range in {
		if d.Dtype != tensor.Float32 {
			return errors.New("float32 inputs")
		}
	}
	return nil
}

// weight reports whether d has a dtype that weights are stored in, and rank axes.
func weight(d graph.Desc, rank int) bool {
	return len(d.Shape) == rank &&
		(d.Dtype == tensor.Float32 || d.Dtype == engine.Float16 || d.Dtype == engine.Bfloat16)
}

// vector reports whether d is float32 [n].
func vector(d graph.Desc, n int) bool { return is(d, n) }

// is reports whether d is float32 of the given shape.
func is(d graph.Desc, shape ...int) bool {
	return d.Dtype == tensor.Float32 && slices.Equal(d.Shape, shape)
}

// of returns a float32 description.
func of(shape ...int) (graph.Desc, error) {
	return graph.Desc{Dtype: tensor.Float32, Shape: shape}, nil
}

// last returns the size of the last axis.
func last(d graph.Desc) int { return d.Shape[len(d.Shape)-1] }

// withLast returns the shape with another last axis.
func withLast(shape []int, n int) []int {
	s := slices.Clone(shape)
	s[len(s)-1] = n
	return s
}

// product multiplies sizes.
func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// items splits an activation into its batch and the rows of one item. A matrix has
// one row per item.
func items(shape []int) (batch, rows int) {
	if len(shape) == 1 {
		return 1, 1
	}
	return shape[0], product(shape[1 : len(shape)-1])
}

// with appends to the inputs an op must have those of the optional ones that are not
// nil.
func with(must []*graph.Node, optional ...*graph.Node) []*graph.Node {
	for _, n := range optional {
		if n != nil {
			must = append(must, n)
		}
	}
	return must
}
