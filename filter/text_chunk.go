package filter

import (
	"context"
)

func init() {
	Register("text_chunk_mapper", func() Op { return &textChunk{Split: ptr(`\n\n`)} })
}

// textChunk cuts a text into several samples: at a pattern, or so that none has more
// than MaxLen code points, or both.
type textChunk struct {
	MaxLen    *int    `param:"max_len"`
	Split     *string `param:"split_pattern"`
	Overlap   int     `param:"overlap_len"`
	Tokenizer *string `param:"tokenizer"`
	Trust     bool    `param:"trust_remote_code"`

	re *pattern
}

func ptr[T any](v T) *T { return &v }

func (m *textChunk) check() (err error) {
	switch {
	case m.Tokenizer != nil:
		return &Error{Kind: Unsupported, Op: "filter", What: "text_chunk_mapper: tokenizer", Have: *m.Tokenizer, Want: "null: lengths are code points"}
	case m.MaxLen == nil && m.Split == nil:
		return as("ValueError", fail(Invalid, "text_chunk_mapper: max_len and split_pattern are both null"))
	case m.MaxLen != nil && (*m.MaxLen < 1 || m.Overlap >= *m.MaxLen):
		return as("ValueError", fail(Invalid, "text_chunk_mapper: max_len %d, overlap_len %d, want 0 ≤ overlap_len < max_len", *m.MaxLen, m.Overlap))
	case m.Overlap < 0:
		return as("parser", fail(Invalid, "text_chunk_mapper: overlap_len %d, want 0 or more", m.Overlap))
	}
	if m.Split != nil {
		m.re, err = compile(*m.Split, false, false)
	}
	return err
}

func (m *textChunk) Map(_ context.Context, r *Row) ([]*Row, error) {
	text, err := r.Text()
	if err != nil {
		return nil, err
	}
	chunks, err := m.chunks([]rune(text))
	if err != nil {
		return nil, err
	}
	rows := make([]*Row, len(chunks))
	for i, c := range chunks {
		rows[i] = r.Copy()
		rows[i].SetText(string(c))
	}
	return rows, nil
}

func (m *textChunk) chunks(text []rune) ([][]rune, error) {
	switch {
	case m.MaxLen == nil:
		return m.atPattern(text)
	case m.re == nil:
		return m.byLength(text), nil
	}
	return m.both(text)
}

// atPattern is re.split, groups of the pattern included; blank pieces are left out.
func (m *textChunk) atPattern(text []rune) (chunks [][]rune, err error) {
	all, err := m.re.spans(text)
	if err != nil {
		return nil, err
	}
	add := func(from, to int) {
		if from >= 0 && pyStrip(string(text[from:to])) != "" {
			chunks = append(chunks, text[from:to])
		}
	}
	at := 0
	for _, s := range all {
		add(at, s.groups[0][0])
		for _, g := range s.groups[1:] {
			add(g[0], g[1])
		}
		at = s.groups[0][1]
	}
	add(at, len(text))
	return chunks, nil
}

func (m *textChunk) byLength(text []rune) (chunks [][]rune) {
	if len(text) <= *m.MaxLen {
		return [][]rune{text}
	}
	for from := 0; from < len(text); from += *m.MaxLen - m.Overlap {
		chunks = append(chunks, text[from:min(from+*m.MaxLen, len(text))])
	}
	return chunks
}

// both cuts at the last match of the pattern within MaxLen, or there.
func (m *textChunk) both(text []rune) (chunks [][]rune, err error) {
	for len(text) > *m.MaxLen {
		all, err := m.re.spans(text[:*m.MaxLen])
		if err != nil {
			return nil, err
		}
		end, next := *m.MaxLen, *m.MaxLen-m.Overlap
		if len(all) > 0 {
			last := all[len(all)-1].groups[0]
			if last[1] == 0 {
				return nil, as("RecursionError", fail(Invalid, "text_chunk_mapper: the pattern matches nothing at the beginning of the text"))
			}
			end, next = last[0], last[1]
		}
		if pyStrip(string(text[:end])) != "" {
			chunks = append(chunks, text[:end])
		}
		text = text[next:]
	}
	return append(chunks, text), nil
}
