package bpe

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/easel-go/easel/internal/fault"
)

// maxByteLevel bounds tokenizer.json: those of language models have 2 to 20 MB.
const maxByteLevel = 64 << 20

// byteLevelJSON is tokenizer.json, but for what comes behind the ids.
type byteLevelJSON struct {
	Added        []token        `json:"added_tokens"`
	Normalizer   *stepJSON      `json:"normalizer"`
	PreTokenizer *stepJSON      `json:"pre_tokenizer"`
	Model        byteModelJSON  `json:"model"`
	Config       byteConfigJSON `json:"-"` // of tokenizer_config.json
}

type byteConfigJSON struct {
	PrefixSpace bool `json:"add_prefix_space"`
}

type byteModelJSON struct {
	Type         string           `json:"type"`
	Dropout      *float64         `json:"dropout"`
	Unknown      *string          `json:"unk_token"`
	Prefix       string           `json:"continuing_subword_prefix"`
	Suffix       string           `json:"end_of_word_suffix"`
	Fuse         bool             `json:"fuse_unk"`
	ByteFallback bool             `json:"byte_fallback"`
	IgnoreMerges bool             `json:"ignore_merges"`
	Vocab        map[string]int32 `json:"vocab"`
	Merges       []jsonRule       `json:"merges"`
}

// stepJSON is a normalizer or a pre-tokenizer; each type has some of the fields.
type stepJSON struct {
	Type          string     `json:"type"`
	Normalizers   []stepJSON `json:"normalizers"`
	PreTokenizers []stepJSON `json:"pretokenizers"`

	Pattern struct {
		Regex  *string `json:"Regex"`
		String *string `json:"String"`
	} `json:"pattern"`
	Behavior string `json:"behavior"`
	Invert   bool   `json:"invert"`

	PrefixSpace *bool `json:"add_prefix_space"`
	UseRegex    *bool `json:"use_regex"`
	EachDigit   bool  `json:"individual_digits"`
}

func readByteLevel(fsys fs.FS) (*byteLevelJSON, error) {
	b, err := readUpTo(fsys, fastFile, maxByteLevel)
	if err != nil {
		return nil, err
	}
	f := &byteLevelJSON{}
	if err := json.Unmarshal(b, f); err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Op: "tokenizer", Where: fastFile, Err: err}
	}
	f.Config, _, err = readJSON[byteConfigJSON](fsys, configFile, false)
	return f, err
}

// refuse says that a part of tokenizer.json is of a kind that this package does not read.
func refuse(what, have, want string) error {
	return &fault.Error{Kind: fault.Unsupported, Op: "tokenizer", Where: fastFile, What: what, Have: have, Want: want}
}

// setModel takes the vocabulary and the rules, which must be of the vocabulary.
func (t *ByteLevel) setModel(m byteModelJSON) error {
	switch {
	case m.Type != "BPE" && m.Type != "" || m.Prefix != "" || m.Suffix != "" || m.ByteFallback:
		return refuse("model", fmt.Sprintf("%q with prefix %q, suffix %q, byte_fallback %v", m.Type, m.Prefix, m.Suffix, m.ByteFallback), "BPE over bytes, with none of them")
	case m.Dropout != nil && *m.Dropout > 0:
		return refuse("dropout", strconv.FormatFloat(*m.Dropout, 'g', -1, 64), "none: ids would be random")
	}
	if err := checkIDs(fastFile, m.Vocab); err != nil {
		return err
	}
	t.ids, t.unk, t.fuse, t.whole = m.Vocab, -1, m.Fuse, m.IgnoreMerges
	if m.Unknown != nil {
		if id, ok := m.Vocab[*m.Unknown]; ok {
			t.unk = id
		}
	}
	for b, s := range symbolOf {
		t.bytes[b] = -1
		if id, ok := m.Vocab[s]; ok {
			t.bytes[b] = id
		}
	}
	t.merges = make(merges, len(m.Merges))
	for rank, r := range m.Merges {
		a, aok := m.Vocab[r[0]]
		b, bok := m.Vocab[r[1]]
		to, ok := m.Vocab[r[0]+r[1]]
		if !aok || !bok || !ok {
			return &fault.Error{Kind: fault.Invalid, Op: "tokenizer", Where: fastFile, What: "merge " + strconv.Itoa(rank), Have: strconv.Quote(r[0] + " " + r[1]), Want: "entries of the vocabulary"}
		}
		t.merges[pairOf(a, b)] = merge{int32(rank), to}
	}
	return nil
}

// setSteps takes what happens to a text before it is encoded.
func (t *ByteLevel) setSteps(f *byteLevelJSON) (err error) {
	if f.Normalizer != nil {
		if t.clean, err = normalizerOf(*f.Normalizer); err != nil {
			return err
		}
	}
	if f.PreTokenizer == nil {
		return refuse("pre_tokenizer", "none", "ByteLevel, alone or at the end of a Sequence")
	}
	steps := flatten(*f.PreTokenizer)
	if len(steps) == 0 {
		return refuse("pre_tokenizer", "an empty Sequence", "ByteLevel at its end")
	}
	for i, s := range steps {
		if last := i == len(steps)-1; last != (s.Type == "ByteLevel") {
			return refuse("pre_tokenizer", s.Type, "ByteLevel at the end, and only there")
		}
		step, err := splitterOf(s)
		if err != nil {
			return err
		}
		t.cut = append(t.cut, step)
	}
	last := steps[len(steps)-1]
	t.prefix = last.PrefixSpace == nil || *last.PrefixSpace
	if f.PreTokenizer.Type == "ByteLevel" { // transformers sets it anew
		t.prefix = f.Config.PrefixSpace
	}
	return nil
}

// flatten lists the steps of a pre-tokenizer.
func flatten(s stepJSON) (steps []stepJSON) {
	if s.Type != "Sequence" {
		return []stepJSON{s}
	}
	for _, x := range s.PreTokenizers {
		steps = append(steps, flatten(x)...)
	}
	return steps
}

// normalizer is a list of changes to a text.
type normalizer []func(string) string

func (n normalizer) apply(s string) string {
	for _, f := range n {
		s = f(s)
	}
	return s
}

func normalizerOf(s stepJSON) (n normalizer, err error) {
	switch s.Type {
	case "NFC":
		return normalizer{nfc}, nil
	case "Lowercase":
		return normalizer{lowerFast}, nil
	case "Sequence":
		for _, x := range s.Normalizers {
			more, err := normalizerOf(x)
			if err != nil {
				return nil, err
			}
			n = append(n, more...)
		}
		return n, nil
	}
	return nil, refuse("normalizer", s.Type, strings.Join([]string{"NFC", "Lowercase", "Sequence"}, ", "))
}
