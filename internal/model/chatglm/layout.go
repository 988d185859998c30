package chatglm

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
)

// Layout is the values of Inputs for a batch of texts, and what attention to the
// encoder's output must add to its logits.
type Layout struct {
	Batch, Rows int

	IDs      []int32
	Rope     []float32
	Mask     []float32
	Last     []int32
	LastRope []float32
	LastBias []float32

	// KeyBias, [B, Rows], goes with the output: log(number of pads) for the row that
	// stands for the padding, 0 for tokens, −Inf for rows that hold nothing.
	KeyBias []float32
}

// Hidden, added to a logit, hides its key.
var Hidden = float32(math.Inf(-1))

// Declare declares the encoder's inputs under the names that Values uses.
func (c Config) Declare(g *graph.Builder, batch, rows int) Inputs {
	return Inputs{
		IDs:      g.Input("ids", tensor.Int32, batch, rows),
		Rope:     g.Input("rope", tensor.Float32, batch, rows, c.HeadDim/4, 2),
		Mask:     g.Input("mask", tensor.Float32, batch, rows, rows),
		Last:     g.Input("last", tensor.Int32, batch),
		LastRope: g.Input("last_rope", tensor.Float32, batch, 1, c.HeadDim/4, 2),
		LastBias: g.Input("last_bias", tensor.Float32, batch, rows),
	}
}

// Values returns what the inputs are set to, by name.
func (l *Layout) Values() map[string]any {
	return map[string]any{
		"ids": l.IDs, "rope": l.Rope, "mask": l.Mask, "last": l.Last, "last_rope": l.LastRope, "last_bias": l.LastBias,
	}
}

// Lay puts texts, given as ids without padding, into rows a text: first the row of
// the padding that fills a text to length, if it is shorter, then its tokens, then
// rows that hold nothing. The padding has id pad.
func (c Config) Lay(texts [][]int32, length, rows, pad int) (*Layout, error) {
	l := &Layout{Batch: len(texts), Rows: rows}
	n := len(texts) * rows
	l.IDs = make([]int32, n)
	l.Rope = make([]float32, n*c.HeadDim/2)
	l.Mask = fill(n*rows, Hidden)
	l.KeyBias, l.LastBias = fill(n, Hidden), fill(n, Hidden)
	for i, ids := range texts {
		first := 0
		if len(ids) < length {
			first = 1
		}
		if len(ids) == 0 || len(ids) > length || first+len(ids) > rows {
			return nil, fault.Newf(fault.Invalid, "chatglm", "text of %d tokens, want 1 to %d that fit %d rows", len(ids), length, rows)
		}
		if err := c.checkIDs(ids); err != nil {
			return nil, err
		}
		c.layOne(l, i, ids, length, pad, first)
	}
	return l, nil
}

// RowsFor returns how many rows texts need: tokens and, where they are shorter than
// length, the padding's row, rounded up to a multiple of bucket.
func RowsFor(texts [][]int32, length, bucket int) int {
	rows := 1
	for _, ids := range texts {
		need := len(ids)
		if need < length {
			need++
		}
		rows = max(rows, need)
	}
	return (rows + bucket - 1) / bucket * bucket
}

func (c Config) checkIDs(ids []int32) error {
	for _, id := range ids {
		if id < 0 || int(id) >= c.Vocab {
			return fault.Newf(fault.Invalid, "chatglm", "token id %d, want below %d", id, c.Vocab)
		}
	}
	return nil
}

func (c Config) layOne(l *Layout, i int, ids []int32, length, pad, first int) {
	rows := l.Rows
	bias, last, mask := l.KeyBias[i*rows:][:rows], l.LastBias[i*rows:][:rows], l.Mask[i*rows*rows:][:rows*rows]
	rope := l.Rope[i*rows*c.HeadDim/2:]
	for r := range rows {
		c.turn(rope[r*c.HeadDim/2:][:c.HeadDim/2], 0)
	}
	end := first + len(ids)
	if first == 1 {
		l.IDs[i*rows] = int32(pad)
		bias[0] = float32(math.Log(float64(length - len(ids))))
	}
	for j, id := range ids {
		r := first + j
		l.IDs[i*rows+r] = id
		bias[r], last[r] = 0, 0
		c.turn(rope[r*c.HeadDim/2:][:c.HeadDim/2], j)
		clear(mask[r*rows+first : r*rows+r+1])
	}
	if first == 1 {
		copy(mask[:end], bias[:end])
	}
	l.Last = append(l.Last, int32(i*rows+end-1))
	at := make([]float32, c.HeadDim/2)
	c.turn(at, len(ids)-1)
	l.LastRope = append(l.LastRope, at...)
}

// turn fills a row of the rotary table: cos and sin of position·10000^(−2i/(HeadDim/2))
// for the pairs i of the first half of a head (Su et al. 2021), in float32 as the
// reference computes it.
func (c Config) turn(row []float32, position int) {
	dim := c.HeadDim / 2
	for i := range dim / 2 {
		theta := float32(1 / math.Pow(10000, float64(float32(2*i)/float32(dim))))
		sin, cos := math.Sincos(float64(float32(position) * theta))
		row[2*i], row[2*i+1] = float32(cos), float32(sin)
	}
}

func fill(n int, v float32) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = v
	}
	return s
}
