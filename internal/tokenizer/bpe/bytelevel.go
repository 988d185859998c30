package bpe

import (
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/easel-go/easel/internal/tokenizer/join"
)

// ByteLevel is a tokenizer as language models have it: byte-pair encoding over bytes
// without an end-of-word mark, saved as tokenizer.json by huggingface/tokenizers, whose
// version 0.22 it equals. GPT-2, GPT-NeoX, Llama 3 and Qwen are of this form. It may be
// used by several goroutines at once.
type ByteLevel struct {
	ids      map[string]int32
	merges   merges
	bytes    [256]int32 // symbols of the bytes, −1 for one that the vocabulary lacks
	unk      int32      // what stands for such a byte, −1 if nothing does
	fuse     bool       // several of them in a row are one
	whole    bool       // a word that is an entry of the vocabulary is not joined from bytes
	clean    normalizer
	cut      []splitter // the steps that cut a text into words,
	prefix   bool       // the last of which puts a space in front
	raw      *addedSet  // looked for in the text as it is given
	cleaned  *addedSet  // looked for in the cleaned text
	capacity int
}

// OpenByteLevel reads tokenizer.json in fsys, and the special tokens of
// tokenizer_config.json and special_tokens_map.json where they are. Errors are of kind
// Missing, Invalid, Limit or Unsupported and name the file.
func OpenByteLevel(fsys fs.FS) (*ByteLevel, error) {
	f, err := readByteLevel(fsys)
	if err != nil {
		return nil, err
	}
	t := &ByteLevel{}
	if err := t.setModel(f.Model); err != nil {
		return nil, err
	}
	if err := t.setSteps(f); err != nil {
		return nil, err
	}
	return t, t.setAdded(f.Added, fsys)
}

// Tokens returns the ids of text, with no special tokens before or behind:
// add_special_tokens=False. The error is that of a pattern of the tokenizer that takes
// too long on the text.
func (t *ByteLevel) Tokens(text string) (ids []int32, err error) {
	text = strings.ToValidUTF8(text, "\ufffd")
	for piece, token := range t.raw.pieces(text) {
		if token != nil {
			ids = append(ids, token.id)
			continue
		}
		for piece, token := range t.cleaned.pieces(t.clean.apply(piece)) {
			if token != nil {
				ids = append(ids, token.id)
			} else if ids, err = t.appendText(ids, piece); err != nil {
				return nil, err
			}
		}
	}
	return ids, nil
}

// Size returns one more than the largest id.
func (t *ByteLevel) Size() int { return t.capacity }

// appendText appends the ids of a cleaned text without added tokens.
func (t *ByteLevel) appendText(ids []int32, s string) ([]int32, error) {
	words := []string{s}
	for i, step := range t.cut {
		if t.prefix && i == len(t.cut)-1 {
			words = spaceBefore(words)
		}
		var out []string
		for _, w := range words {
			var err error
			if out, err = step.split(out, w); err != nil {
				return nil, err
			}
		}
		words = out
	}
	for _, w := range words {
		ids = t.appendWord(ids, w)
	}
	return ids, nil
}

func spaceBefore(words []string) []string {
	out := slices.Clone(words)
	for i, w := range out {
		if !strings.HasPrefix(w, " ") {
			out[i] = " " + w
		}
	}
	return out
}

// appendWord appends the ids of a word.
func (t *ByteLevel) appendWord(ids []int32, word string) []int32 {
	if t.whole {
		if id, ok := t.ids[spell(word)]; ok {
			return append(ids, id)
		}
	}
	start := len(ids)
	for i := range len(word) {
		switch id := t.bytes[word[i]]; {
		case id >= 0:
			ids = append(ids, id)
		case t.unk < 0:
		case !t.fuse || i == 0 || t.bytes[word[i-1]] >= 0:
			ids = append(ids, t.unk)
		}
	}
	return ids[:start+len(t.merges.apply(ids[start:], join.Eager))]
}

// spell writes a word with the symbols of its bytes, as the vocabulary has it.
func spell(word string) string {
	var b strings.Builder
	for i := range len(word) {
		b.WriteString(symbolOf[word[i]])
	}
	return b.String()
}

var symbolOf = byteSymbols()

// setAdded puts the added tokens into the sets that they are looked for in.
func (t *ByteLevel) setAdded(tokens []token, fsys fs.FS) error {
	r := resolver{ids: t.ids, added: map[string]token{}}
	for _, id := range t.ids {
		r.size = max(r.size, int(id)+1)
	}
	for _, a := range tokens {
		if err := r.put(a); err != nil {
			return err
		}
	}
	if err := r.addConfigured(fsys); err != nil {
		return err
	}
	var raw, cleaned []added
	for _, text := range slices.Sorted(maps.Keys(r.added)) {
		a := r.added[text]
		if x := (added{text, a.ID, a.LStrip, a.RStrip}); a.isNormalized() {
			x.text = t.clean.apply(text)
			cleaned = append(cleaned, x)
		} else {
			raw = append(raw, x)
		}
	}
	t.raw, t.cleaned, t.capacity = newAddedSet(raw), newAddedSet(cleaned), r.size
	return nil
}

// addConfigured adds the special tokens of the other files that tokenizer.json lacks,
// as transformers does.
func (r *resolver) addConfigured(fsys fs.FS) error {
	var s settings
	if err := readSettings(fsys, &s); err != nil {
		return err
	}
	slices.SortFunc(s.added, func(a, b token) int { return int(a.ID - b.ID) })
	for _, a := range s.added {
		if err := r.addNew(a); err != nil {
			return err
		}
	}
	for _, a := range []token{s.bos, s.eos, s.unk, s.pad} {
		a.Special = true
		if err := r.addNew(a); err != nil {
			return err
		}
	}
	return nil
}

// addNew adds a token, if there is none of that text, under the id that the vocabulary
// has for it or the next that is free.
func (r *resolver) addNew(a token) error {
	if _, there := r.added[a.Content]; there || a.Content == "" {
		return nil
	}
	id, ok := r.ids[a.Content]
	if !ok {
		id = int32(r.size)
	}
	a.ID = id
	return r.put(a)
}
