package model

import (
	"strconv"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
	"github.com/easel-go/easel/internal/model/cliptext"
)

// Texts puts the text encoders into the graph of the UNet, for training them: what
// [Bundle.Encode] computes of plain prompts, as nodes.
//
//	→ context [batch, rows, ContextDim], pooled [batch, PooledDim] or nil in SD 1.x
//
// Constants and scopes get the parts' names, text_encoder and text_encoder_2. A model
// whose encoder is not CLIP's raises a failure of kind Unsupported.
func (b *Bundle) Texts(g *graph.Builder, batch int) (context, pooled *graph.Node) {
	if err := b.checkCLIP(); err != nil {
		graph.Fail("%w", err)
	}
	var states []*graph.Node
	for i, te := range b.Text {
		var state *graph.Node
		state, pooled = b.text(g, i, te, batch)
		states = append(states, state)
	}
	if b.UNet.Config().AddEmbeddingIn == 0 {
		pooled = nil
	}
	return op.Concat(g, 2, states...), pooled
}

func (b *Bundle) text(g *graph.Builder, i int, te *TextEncoder, batch int) (state, pooled *graph.Node) {
	part := b.family.texts[i].part
	defer g.Scope(part)()
	defer g.Names(part + ".")()
	in := cliptext.Inputs{
		IDs: g.Input(idsName(i), tensor.Int32, batch, te.CLIP.Config().Positions),
		End: g.Input(endName(i), tensor.Int32, batch),
	}
	return b.family.read(g, te.CLIP, in, b.family.skip)
}

func idsName(encoder int) string { return "ids." + strconv.Itoa(encoder) }
func endName(encoder int) string { return "end." + strconv.Itoa(encoder) }

// TextInputs is what plain prompts set the inputs of Texts to.
func (b *Bundle) TextInputs(prompts []string) ([]Input, error) {
	if err := b.checkCLIP(); err != nil {
		return nil, err
	}
	var ins []Input
	for i, te := range b.Text {
		c := te.CLIP.Config()
		var all []int32
		var rows [][]int32
		for _, p := range prompts {
			ids := te.BPE.Row(p, c.Positions).IDs
			rows, all = append(rows, ids), append(all, ids...)
		}
		ins = append(ins, Input{idsName(i), all}, Input{endName(i), c.Ends(rows)})
	}
	return ins, nil
}

// TextRows returns the rows of Texts' context; 0 where there is none.
func (b *Bundle) TextRows() int {
	if b.checkCLIP() != nil {
		return 0
	}
	return b.Text[0].CLIP.Config().Positions
}

// checkCLIP refuses encoders that Texts has no graph for.
func (b *Bundle) checkCLIP() error {
	for _, te := range b.Text {
		if te.CLIP == nil || te.BPE == nil {
			return &fault.Error{Kind: fault.Unsupported, Op: "model", What: "training of the text encoder", Have: "of " + b.family.title, Want: "CLIP's, of SD 1.x or SDXL"}
		}
	}
	if len(b.Text) == 0 {
		return &fault.Error{Kind: fault.Missing, Op: "model", What: "text encoder", Have: "is not there"}
	}
	return nil
}
