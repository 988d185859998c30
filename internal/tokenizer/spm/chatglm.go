package spm

import "io/fs"

// specials are ChatGLM3's tokens after the pieces, in order of their ids
// (Kwai-Kolors/Kolors, tokenization_chatglm.py). A text is never searched for them:
// "[gMASK]" in a prompt is seven characters.
var specials = [...]string{"[MASK]", "[gMASK]", "[sMASK]", "sop", "eop", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"}

// ChatGLM turns prompts into rows for ChatGLM3-6B, Kolors' text encoder. It may be
// used by several goroutines at once.
type ChatGLM struct {
	model  *Model
	prefix [2]int32
}

// Row is a prompt as a row of ids for the text encoder, padded on the left.
type Row struct {
	IDs       []int32 // padding, [gMASK], sop, text
	Positions []int32 // 0 for the padding, then 0, 1, 2 …
	Len       int     // ids after the padding: where the attention mask is 1
	Cut       int     // ids of the text that did not fit; 0 for a whole text
}

// OpenChatGLM reads tokenizer.model in fsys, as [Open].
func OpenChatGLM(fsys fs.FS) (*ChatGLM, error) {
	m, err := Open(fsys)
	if err != nil {
		return nil, err
	}
	return NewChatGLM(m), nil
}

// NewChatGLM frames the ids of a model.
func NewChatGLM(m *Model) *ChatGLM {
	c := &ChatGLM{model: m}
	c.prefix[0], _ = c.Special("[gMASK]")
	c.prefix[1], _ = c.Special("sop")
	return c
}

// Model returns the model below.
func (c *ChatGLM) Model() *Model { return c.model }

// Special returns the id of a special token: 64790 for "[gMASK]" in ChatGLM3.
func (c *ChatGLM) Special(name string) (int32, bool) {
	for i, s := range specials {
		if s == name {
			return int32(c.model.Size() + i), true
		}
	}
	return 0, false
}

// Size returns one more than the largest id: how many rows the encoder's embedding
// must have.
func (c *ChatGLM) Size() int { return c.model.Size() + len(specials) }

// Pad returns the id that rows are filled with: the model's unknown piece.
func (c *ChatGLM) Pad() int32 { return c.model.Unknown() }

// Encode returns [gMASK], sop and the ids of text, however many they are. No end is
// added.
func (c *ChatGLM) Encode(text string) []int32 {
	return append(c.prefix[:len(c.prefix):len(c.prefix)], c.model.Encode(text)...)
}

// Row returns text as a row of n ids (256 in Kolors), cut on the right if it is
// longer and padded on the left if it is shorter. It keeps the prefix: n below 2
// counts as 2.
func (c *ChatGLM) Row(text string, n int) Row { return c.fill(c.row(text, n), n) }

// Rows returns a batch: texts cut to n ids and padded to the longest of them.
func (c *ChatGLM) Rows(texts []string, n int) []Row {
	rows, longest := make([]Row, len(texts)), 0
	for i, text := range texts {
		rows[i] = c.row(text, n)
		longest = max(longest, rows[i].Len)
	}
	for i := range rows {
		rows[i] = c.fill(rows[i], longest)
	}
	return rows
}

// row returns text cut to n ids.
func (c *ChatGLM) row(text string, n int) Row {
	ids := c.Encode(text)
	kept := min(len(ids), max(n, len(c.prefix)))
	return Row{IDs: ids[:kept], Len: kept, Cut: len(ids) - kept}
}

// fill pads r to n ids and sets its positions.
func (c *ChatGLM) fill(r Row, n int) Row {
	n = max(n, r.Len)
	ids, pads := make([]int32, n), n-r.Len
	for i := range pads {
		ids[i] = c.Pad()
	}
	copy(ids[pads:], r.IDs)
	r.IDs, r.Positions = ids, make([]int32, n)
	for i := range r.Len {
		r.Positions[pads+i] = int32(i)
	}
	return r
}
