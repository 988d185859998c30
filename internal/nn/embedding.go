package nn

import (
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
)

// Embedding is a table of vectors.
type Embedding struct {
	Weight *Param `weight:"weight"` // [vocab, c]
}

// NewEmbedding returns an unbound table of vocab vectors.
func NewEmbedding(vocab, c int) *Embedding { return &Embedding{Weight: NewParam(vocab, c)} }

// Forward looks up ids.
//
//	ids int32 [B, …], each below vocab → [B, …, c]
func (e *Embedding) Forward(b *graph.Builder, ids *graph.Node) *graph.Node {
	return op.Embed(b, e.Weight.Node(b), ids)
}
