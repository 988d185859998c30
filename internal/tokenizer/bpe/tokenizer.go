package bpe

import (
	"maps"
	"slices"
	"strings"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/tokenizer/join"
)

// Options choose whose ids a tokenizer gives. The zero value is transformers' fast
// tokenizer.
type Options struct {
	// Mode is the way a text is cleaned.
	Mode Mode
	// Fix is ftfy.fix_text or what stands for it. The modes FTFY, OpenAI and OpenCLIP
	// need one and the others ignore it; func(s string) string { return s } gives
	// their ids for every text that ftfy would leave alone.
	Fix func(string) string
	// Pad is the token that rows are filled with; "" means the folder's, which is
	// "<|endoftext|>" if it names none, or id 0 in OpenAI and OpenCLIP. The token is
	// a special one: "!" makes every exclamation mark of a text id 0.
	Pad string
}

// Tokenizer turns text into token ids. It may be used by several goroutines at
// once.
type Tokenizer struct {
	table               *table
	opt                 Options
	bos, eos, unk, pad  int32
	marks               [2]int32  // ids of the special words of the mode's pattern
	raw                 *addedSet // looked for in the text as it is given
	cleaned             *addedSet // looked for in the cleaned text, in Fast
	maxLength, capacity int
}

// Row is a text as a row of ids for a text encoder.
type Row struct {
	IDs []int32 // begin, text, end, padding
	Len int     // ids before the padding: where the attention mask is 1
	Cut int     // ids of the text that did not fit; 0 for a whole text
}

// newTokenizer checks the settings and resolves the special tokens.
func newTokenizer(tab *table, s settings, opt Options) (*Tokenizer, error) {
	if int(opt.Mode) >= len(modeNames) {
		return nil, &fault.Error{Kind: fault.Invalid, Op: "tokenizer", What: "mode", Have: "unknown", Want: strings.Join(modeNames[:], ", ")}
	}
	if opt.Mode.needsFix() && opt.Fix == nil {
		return nil, &fault.Error{Kind: fault.Invalid, Op: "tokenizer", What: "mode " + opt.Mode.String(), Have: "without Options.Fix", Want: "a function that does what ftfy.fix_text does"}
	}
	if opt.Pad != "" {
		s.pad = token{Content: opt.Pad, known: true}
	}
	t := &Tokenizer{table: tab, opt: opt, maxLength: s.maxLength}
	r := resolver{ids: tab.ids, added: map[string]token{}, size: int(tab.unknown)}
	if err := r.resolve(t, s); err != nil {
		return nil, err
	}
	t.capacity = r.size
	if opt.Mode >= OpenAI && opt.Pad == "" {
		t.pad = 0
	}
	t.setAdded(r.added)
	t.setMarks()
	return t, nil
}

// setAdded puts the added tokens into the sets they are looked for in.
func (t *Tokenizer) setAdded(tokens map[string]token) {
	var raw, cleaned []added
	for _, text := range slices.Sorted(maps.Keys(tokens)) {
		a := tokens[text]
		if x := (added{text, a.ID, a.LStrip, a.RStrip}); t.opt.Mode == Fast && a.isNormalized() {
			x.text = t.clean(text)
			cleaned = append(cleaned, x)
		} else {
			raw = append(raw, x)
		}
	}
	t.raw, t.cleaned = newAddedSet(raw), newAddedSet(cleaned)
}

// setMarks finds the ids of the mode's special words.
func (t *Tokenizer) setMarks() {
	t.marks = [2]int32{t.bos, t.eos}
	if t.opt.Mode >= OpenAI {
		return
	}
	for i, mark := range t.opt.Mode.marks() {
		id, ok := t.table.ids[mark]
		if !ok {
			id = t.unk
		}
		t.marks[i] = id
	}
}

func (t *Tokenizer) clean(s string) string { return t.opt.Mode.clean(s, t.opt.Fix) }

// Encode returns the ids of text between those of begin and end, however many they
// are.
func (t *Tokenizer) Encode(text string) []int32 {
	ids := append(make([]int32, 0, 2+len(text)/3), t.bos)
	return append(t.appendTokens(ids, text), t.eos)
}

// Tokens returns the ids of text alone, without begin and end: what long prompts
// are cut into chunks of.
func (t *Tokenizer) Tokens(text string) []int32 { return t.appendTokens(nil, text) }

// Row returns text as a row of n ids, cut on the right if it is longer and padded on
// the right if it is shorter: padding="max_length", truncation=True. It keeps begin
// and end: n below 2 counts as 2.
func (t *Tokenizer) Row(text string, n int) Row { return t.fill(t.row(text, n), n) }

// Rows returns a batch: texts cut to n ids and padded to the longest of them:
// padding=True, truncation=True.
func (t *Tokenizer) Rows(texts []string, n int) []Row {
	rows, longest := make([]Row, len(texts)), 0
	for i, text := range texts {
		rows[i] = t.row(text, n)
		longest = max(longest, rows[i].Len)
	}
	for i := range rows {
		rows[i] = t.fill(rows[i], longest)
	}
	return rows
}

// row returns text cut to n ids.
func (t *Tokenizer) row(text string, n int) Row {
	n = max(n, 2)
	ids := t.Encode(text)
	cut := max(len(ids)-n, 0)
	if cut > 0 {
		ids = ids[:n]
		ids[n-1] = t.eos
	}
	return Row{IDs: ids, Len: len(ids), Cut: cut}
}

// fill pads r to n ids.
func (t *Tokenizer) fill(r Row, n int) Row {
	for len(r.IDs) < n {
		r.IDs = append(r.IDs, t.pad)
	}
	return r
}

// appendTokens appends the ids of text to ids.
func (t *Tokenizer) appendTokens(ids []int32, text string) []int32 {
	text = strings.ToValidUTF8(text, "\ufffd")
	if !t.opt.Mode.splitsAdded() {
		return t.appendWords(ids, t.clean(text))
	}
	for piece, token := range t.raw.pieces(text) {
		if token != nil {
			ids = append(ids, token.id)
			continue
		}
		for piece, token := range t.cleaned.pieces(t.clean(piece)) {
			if token != nil {
				ids = append(ids, token.id)
			} else {
				ids = t.appendWords(ids, piece)
			}
		}
	}
	return ids
}

// appendWords appends the ids of a cleaned text.
func (t *Tokenizer) appendWords(ids []int32, s string) []int32 {
	marks := t.opt.Mode.marks()
	for word := range words(s, marks) {
		switch word {
		case marks[0]:
			ids = append(ids, t.marks[0])
		case marks[1]:
			ids = append(ids, t.marks[1])
		default:
			ids = t.table.encodeWord(ids, word, t.unk, join.Order(t.opt.Mode == Fast))
		}
	}
	return ids
}

// Decode returns the text that ids stand for: in lower case, with a space after each
// word, and without begin and end. It is for telling people what was cut.
func (t *Tokenizer) Decode(ids []int32) string {
	names, bytes := t.table.names(), bytesOf()
	var b strings.Builder
	for _, id := range ids {
		if id == t.bos || id == t.eos {
			continue
		}
		name, end := strings.CutSuffix(names[id], endOfWord)
		for _, r := range name {
			if c, ok := bytes[r]; ok {
				b.WriteByte(c)
			}
		}
		if end {
			b.WriteByte(' ')
		}
	}
	return strings.TrimSpace(strings.ToValidUTF8(b.String(), "\ufffd"))
}

// BOS returns the id that a row begins with.
func (t *Tokenizer) BOS() int32 { return t.bos }

// EOS returns the id that ends the text of a row.
func (t *Tokenizer) EOS() int32 { return t.eos }

// Pad returns the id that a row is filled with.
func (t *Tokenizer) Pad() int32 { return t.pad }

// Size returns one more than the largest id that the tokenizer gives: how many rows
// its text encoder's embedding must have.
func (t *Tokenizer) Size() int { return t.capacity }

// MaxLength returns the longest row that the model takes, begin and end included: 77
// for CLIP. 0 means that the folder does not say.
func (t *Tokenizer) MaxLength() int { return t.maxLength }
