package op

import "github.com/easel-go/easel/internal/graph"

// LinComb is coef[0]·xs[0] + coef[1]·xs[1] + …, added from left to right.
//
//	xs, all of one shape → that shape
func LinComb(b *graph.Builder, coef []float32, xs ...*graph.Node) *graph.Node {
	return b.Apply(graph.LinComb{Coef: append([]float32(nil), coef...)}, xs...)
}

// Scale is x times a number that is fixed when the graph is built; ScaleBy takes one
// that is not.
func Scale(b *graph.Builder, x *graph.Node, factor float32) *graph.Node {
	if factor == 1 {
		return x
	}
	return LinComb(b, []float32{factor}, x)
}
