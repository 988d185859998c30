package model

import (
	"context"
	"slices"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/model/chatglm"
	"github.com/easel-go/easel/internal/model/cliptext"
)

// Encoded is a prompt behind the text encoders.
type Encoded struct {
	Cond
	Cut int // tokens that did not fit
}

// Encode returns what prompts are to the UNet. All have the same number of rows, so
// that they can share a call of it; TimeIDs are left out.
func (b *Bundle) Encode(ctx context.Context, prompts ...Prompt) ([]Encoded, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	return b.family.encode(b, ctx, prompts)
}

// Zero returns a condition of zeros with as many rows as e.
func (b *Bundle) Zero(e Encoded) Encoded {
	return Encoded{Cond: Cond{Rows: e.Rows, Context: make([]float32, len(e.Context)), Pooled: make([]float32, len(e.Pooled))}}
}

// encodeSD reads prompts for Stable Diffusion 1.x: the encoder's last state, or an
// earlier one behind the last norm.
func encodeSD(b *Bundle, ctx context.Context, prompts []Prompt) ([]Encoded, error) {
	te := b.Text[0]
	rows := make([][]chunk, len(prompts))
	for i, p := range prompts {
		rows[i] = te.chunks(p.Text, p, b.numerics)
	}
	te.level(rows)
	out := make([]Encoded, len(prompts))
	for i, p := range prompts {
		if err := b.clip(ctx, &out[i], te, "text_encoder", rows[i], p.ClipSkip); err != nil {
			return nil, err
		}
		out[i].Pooled = nil
	}
	return out, nil
}

// encodeSDXL reads prompts for SDXL: the state before the last of both encoders, side
// by side, and the second one's pooled text.
func encodeSDXL(b *Bundle, ctx context.Context, prompts []Prompt) ([]Encoded, error) {
	var rows [2][][]chunk
	for i, te := range b.Text {
		for _, p := range prompts {
			rows[i] = append(rows[i], te.chunks([]string{p.Text, p.second()}[i], p, b.numerics))
		}
	}
	both := append(rows[0][:len(prompts):len(prompts)], rows[1]...)
	b.Text[0].level(both[:len(prompts)])
	n := len(both[0])
	for i := range both { // both encoders need equal numbers of chunks
		n = max(n, len(both[i]))
	}
	for i := range both {
		for len(both[i]) < n {
			both[i] = append(both[i], b.Text[i/len(prompts)].empty())
		}
	}
	out := make([]Encoded, len(prompts))
	for i, p := range prompts {
		var first, second Encoded
		if err := b.clip(ctx, &first, b.Text[0], "text_encoder", both[i], p.ClipSkip); err != nil {
			return nil, err
		}
		if err := b.clip(ctx, &second, b.Text[1], "text_encoder_2", both[len(prompts)+i], p.ClipSkip); err != nil {
			return nil, err
		}
		out[i] = Encoded{
			Cond: Cond{Rows: first.Rows, Context: sideBySide(first.Context, second.Context, first.Rows), Pooled: second.Pooled},
			Cut:  max(first.Cut, second.Cut),
		}
	}
	return out, nil
}

// sideBySide joins the rows of a and b.
func sideBySide(a, b []float32, rows int) []float32 {
	wa, wb := len(a)/rows, len(b)/rows
	out := make([]float32, 0, len(a)+len(b))
	for r := range rows {
		out = append(append(out, a[r*wa:][:wa]...), b[r*wb:][:wb]...)
	}
	return out
}

// chunk is a row of ids for a CLIP encoder, with the weight of every id.
type chunk struct {
	ids     []int32
	weights []float64 // nil means 1 for all
	cut     int       // ids that did not fit, told by the first chunk
}

// chunks cuts a text into rows of the encoder's length.
func (te *TextEncoder) chunks(text string, p Prompt, num Numerics) []chunk {
	n := te.CLIP.Config().Positions
	switch {
	case !p.Weights && !p.Long:
		row := te.BPE.Row(text, n)
		return []chunk{{ids: row.IDs, cut: row.Cut}}
	case p.Long && !p.Weights && num == LikeDiffSynth:
		return te.diffSynthChunks(text, n)
	}
	var ids []int32
	var weights []float64
	parts := []span{{text, 1}}
	if p.Weights {
		parts = spans(text)
	}
	for _, s := range parts {
		for _, id := range te.BPE.Tokens(s.text) {
			ids, weights = append(ids, id), append(weights, s.weight)
		}
	}
	cut := 0
	if !p.Long && len(ids) > n-2 {
		cut = len(ids) - (n - 2)
		ids, weights = ids[:n-2], weights[:n-2]
	}
	out := []chunk{te.chunk(ids[:min(len(ids), n-2)], weights, n)}
	out[0].cut = cut
	for at := n - 2; at < len(ids); at += n - 2 {
		end := min(at+n-2, len(ids))
		out = append(out, te.chunk(ids[at:end], weights[at:end], n))
	}
	return out
}

// chunk puts begin, end and padding around ids.
func (te *TextEncoder) chunk(ids []int32, weights []float64, n int) chunk {
	c := chunk{ids: make([]int32, 0, n), weights: slices.Repeat([]float64{1}, n)}
	c.ids = append(append(append(c.ids, te.BPE.BOS()), ids...), te.BPE.EOS())
	copy(c.weights[1:], weights[:len(ids)])
	for len(c.ids) < n {
		c.ids = append(c.ids, te.BPE.Pad())
	}
	return c
}

// empty is the chunk of no text.
func (te *TextEncoder) empty() chunk { return te.chunk(nil, nil, te.CLIP.Config().Positions) }

// diffSynthChunks cuts begin, text and end, padded to a multiple of n, into rows:
// only the first row has a begin, and only the last an end (DiffSynth-Studio
// b1709fcb prompters/base_prompter.py, tokenize_long_prompt).
func (te *TextEncoder) diffSynthChunks(text string, n int) []chunk {
	ids := te.BPE.Encode(text)
	for len(ids)%n != 0 {
		ids = append(ids, te.BPE.Pad())
	}
	var out []chunk
	for row := range slices.Chunk(ids, n) {
		out = append(out, chunk{ids: row})
	}
	return out
}

// level gives all texts the same number of chunks.
func (te *TextEncoder) level(rows [][]chunk) {
	n := 0
	for _, r := range rows {
		n = max(n, len(r))
	}
	for i := range rows {
		for len(rows[i]) < n {
			rows[i] = append(rows[i], te.empty())
		}
	}
}

// clip encodes the chunks of a text into e, one after the other. skip is the number
// of layers left out besides the family's; pooled comes from the first chunk.
func (b *Bundle) clip(ctx context.Context, e *Encoded, te *TextEncoder, part string, rows []chunk, skip int) error {
	c := te.CLIP.Config()
	skip += b.family.skip
	if skip < 0 || skip > c.Encoder.Layers { // all layers left out is what the tokens alone say
		return fault.Newf(fault.Invalid, "model", "clip skip of %d layers, want at most %d", skip, c.Encoder.Layers)
	}
	n := len(rows[0].ids)
	vm, err := b.vm(shape{part: part, batch: 1, rows: n, variant: skip}, func(g *graph.Builder) []*graph.Node {
		state, pooled := b.family.read(g, te.CLIP, cliptext.Inputs{IDs: g.Input("ids", tensor.Int32, 1, n), End: g.Input("end", tensor.Int32, 1)}, skip)
		return []*graph.Node{state, pooled}
	})
	if err != nil {
		return err
	}
	e.Cut = rows[0].cut
	for i, row := range rows {
		state, err := run(ctx, vm, input{"ids", row.ids}, input{"end", c.Ends([][]int32{row.ids})})
		if err != nil {
			return err
		}
		if i == 0 {
			e.Pooled = slices.Clone(vm.Output(1))
		}
		at := len(e.Context)
		e.Context = append(e.Context, state...)
		if row.weights != nil && slices.ContainsFunc(row.weights, func(w float64) bool { return w != 1 }) {
			emphasize(e.Context[at:], row.weights, c.Width)
		}
		e.Rows += n
	}
	return finite("the text encoder's output", e.Context)
}

// read is what a CLIP encoder tells the UNet: a state, skip layers before its last, and
// the pooled text.
func (f *family) read(g *graph.Builder, m *cliptext.Model, in cliptext.Inputs, skip int) (state, pooled *graph.Node) {
	o := m.Forward(g, in)
	state = o.States[m.Config().Encoder.Layers-skip]
	if f.norm {
		state = m.FinalNorm(g, state)
	}
	return state, o.Pooled
}

// kolorsLength is the number of tokens that Kolors pads every text to, kolorsBucket
// what the rows that stand for them are rounded up to.
const kolorsLength, kolorsBucket = 256, 32

// encodeKolors reads prompts for Kolors: the state before the last of every token,
// one row standing for all padding, and the last state of the last token.
func encodeKolors(b *Bundle, ctx context.Context, prompts []Prompt) ([]Encoded, error) {
	out := make([]Encoded, len(prompts))
	rows := 0
	for i, p := range prompts {
		e, err := b.glm(ctx, p)
		if err != nil {
			return nil, err
		}
		out[i], rows = e, max(rows, e.Rows)
	}
	width := b.Text[0].GLM.Config().Width
	for i := range out {
		more := rows - out[i].Rows
		out[i].Context = append(out[i].Context, make([]float32, more*width)...)
		out[i].KeyBias = append(out[i].KeyBias, slices.Repeat([]float32{chatglm.Hidden}, more)...)
		out[i].Rows = rows
	}
	return out, nil
}

func (b *Bundle) glm(ctx context.Context, p Prompt) (Encoded, error) {
	te := b.Text[0]
	row := te.SPM.Row(p.Text, kolorsLength)
	texts := [][]int32{row.IDs[kolorsLength-row.Len:]}
	m := te.GLM
	lay, err := m.Config().Lay(texts, kolorsLength, chatglm.RowsFor(texts, kolorsLength, kolorsBucket), int(te.SPM.Pad()))
	if err != nil {
		return Encoded{}, err
	}
	at := m.Config().Layers - 1 - p.ClipSkip
	if p.ClipSkip < -1 || at < 0 {
		return Encoded{}, fault.Newf(fault.Invalid, "model", "clip skip of %d layers, want fewer than %d", p.ClipSkip, m.Config().Layers)
	}
	vm, err := b.vm(shape{part: "text_encoder", batch: 1, rows: lay.Rows, variant: p.ClipSkip}, func(g *graph.Builder) []*graph.Node {
		states, pooled := m.Forward(g, m.Config().Declare(g, 1, lay.Rows))
		return []*graph.Node{states[at], pooled}
	})
	if err != nil {
		return Encoded{}, err
	}
	var ins []input
	for name, values := range lay.Values() {
		ins = append(ins, input{name, values})
	}
	state, err := run(ctx, vm, ins...)
	if err != nil {
		return Encoded{}, err
	}
	e := Encoded{Cond: Cond{Rows: lay.Rows, Context: slices.Clone(state), KeyBias: lay.KeyBias, Pooled: slices.Clone(vm.Output(1))}, Cut: row.Cut}
	return e, finite("the text encoder's output", e.Context)
}
