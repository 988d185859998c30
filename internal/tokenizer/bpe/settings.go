package bpe

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/easel-go/easel/internal/fault"
)

// maxID bounds the ids of a vocabulary: far more than any has.
const maxID = 1 << 24

// settings are what a folder says about special tokens.
type settings struct {
	bos, eos, unk, pad token
	added              []token // with their ids
	maxLength          int
}

// token is a special token in tokenizer_config.json or special_tokens_map.json:
// its text, or an object.
type token struct {
	Content    string `json:"content"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	SingleWord bool   `json:"single_word"`
	Normalized *bool  `json:"normalized"`
	Special    bool   `json:"special"`
	ID         int32  `json:"id"` // in tokenizer.json

	known bool
}

// UnmarshalJSON takes a string, an object or null.
func (t *token) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	*t = token{known: true}
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &t.Content)
	}
	type plain token
	return json.Unmarshal(b, (*plain)(t))
}

// isNormalized reports whether Fast looks for the token in the cleaned text: where
// nothing is said, all but special tokens.
func (t token) isNormalized() bool {
	if t.Normalized != nil {
		return *t.Normalized
	}
	return !t.Special
}

// resolver finds the ids of special tokens.
type resolver struct {
	ids   map[string]int32
	added map[string]token
	size  int
}

// resolve sets t's special ids and collects the tokens to look for.
func (r *resolver) resolve(t *Tokenizer, s settings) error {
	for _, a := range s.added {
		if err := r.put(a); err != nil {
			return err
		}
	}
	if !s.bos.known {
		s.bos = token{Content: startOfText}
	}
	if !s.eos.known {
		s.eos = token{Content: endOfText}
	}
	if !s.unk.known {
		s.unk = s.eos
	}
	if !s.pad.known {
		s.pad = s.eos
	}
	s.pad.Special = true
	for _, x := range []struct {
		role string
		token
		to *int32
	}{{"begin", s.bos, &t.bos}, {"end", s.eos, &t.eos}, {"unknown", s.unk, &t.unk}, {"pad", s.pad, &t.pad}} {
		id, err := r.special(x.role, x.token)
		if err != nil {
			return err
		}
		*x.to = id
	}
	return nil
}

// special returns the id of a special token and has it looked for in texts.
func (r *resolver) special(role string, x token) (int32, error) {
	if a, ok := r.added[x.Content]; ok {
		return a.ID, nil
	}
	id, ok := r.ids[x.Content]
	if !ok {
		return 0, &fault.Error{Kind: fault.Missing, Op: "tokenizer", What: role + " token " + strconv.Quote(x.Content),
			Have: "not in the vocabulary", Want: "an id for it"}
	}
	x.ID = id
	return id, r.put(x)
}

// put notes an added token.
func (r *resolver) put(a token) error {
	bad := func(kind fault.Kind, have, want string) error {
		return &fault.Error{Kind: kind, Op: "tokenizer", What: "added token " + strconv.Quote(a.Content), Have: have, Want: want}
	}
	switch {
	case a.Content == "":
		return bad(fault.Invalid, "is empty", "a text")
	case a.SingleWord:
		return bad(fault.Unsupported, "has single_word", "a token that may stand inside a word")
	case a.ID < 0 || a.ID >= maxID:
		return bad(fault.Invalid, "has id "+strconv.Itoa(int(a.ID)), "0 to "+strconv.Itoa(maxID-1))
	}
	r.added[a.Content] = a
	r.size = max(r.size, int(a.ID)+1)
	return nil
}
