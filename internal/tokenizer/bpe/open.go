package bpe

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/easel-go/easel/internal/fault"
)

// The files of a tokenizer's folder.
const (
	vocabFile   = "vocab.json"
	mergesFile  = "merges.txt"
	fastFile    = "tokenizer.json"
	configFile  = "tokenizer_config.json"
	specialFile = "special_tokens_map.json"
	addedFile   = "added_tokens.json"
)

// maxFile bounds the size of a file that is read: CLIP's have 0.5 to 4 MB.
const maxFile = 16 << 20

// Open reads the tokenizer in fsys, the folder itself: os.DirFS(dir) or
// fs.Sub(checkpoint, "tokenizer"). Rules and vocabulary come from vocab.json and
// merges.txt or from tokenizer.json (Fast prefers the latter, like its reference);
// the other files are optional. Errors are of kind Missing, Invalid, Limit or
// Unsupported and name the file.
func Open(fsys fs.FS, opt Options) (*Tokenizer, error) {
	var s settings
	tab, err := readTable(fsys, opt.Mode, &s)
	if err == nil {
		err = readSettings(fsys, &s)
	}
	if err != nil {
		return nil, err
	}
	return newTokenizer(tab, s, opt)
}

// readTable reads vocabulary and rules, and the added tokens of a tokenizer.json.
func readTable(fsys fs.FS, mode Mode, s *settings) (*table, error) {
	plain := exists(fsys, vocabFile) && exists(fsys, mergesFile)
	if exists(fsys, fastFile) && (mode == Fast || !plain) {
		return readFast(fsys, s)
	}
	ids, _, err := readJSON[map[string]int32](fsys, vocabFile, true)
	if err != nil {
		return nil, err
	}
	if err := checkIDs(vocabFile, ids); err != nil {
		return nil, err
	}
	text, err := read(fsys, mergesFile)
	if err != nil {
		return nil, err
	}
	return newTable(ids, parseMerges(text)), nil
}

// parseMerges reads merges.txt: a header line, then rules. Like its reference it
// drops the first line whatever it holds, takes no more rules than CLIP has, and
// lets a cut-off last line pass.
func parseMerges(text []byte) []rule {
	_, body, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	var rules []rule
	for line := range strings.SplitSeq(body, "\n") {
		if len(rules) == maxRules || body == "" {
			break
		}
		rules = append(rules, ruleOf(line))
	}
	return rules
}

// fastJSON is what is read of tokenizer.json (huggingface/tokenizers). The steps of
// normaliser and pre-tokeniser are those of [Fast]; they are not interpreted.
type fastJSON struct {
	AddedTokens []token `json:"added_tokens"`
	Model       struct {
		Type   string           `json:"type"`
		Suffix string           `json:"end_of_word_suffix"`
		Vocab  map[string]int32 `json:"vocab"`
		Merges []jsonRule       `json:"merges"`
	} `json:"model"`
}

// jsonRule is a rule as "a b" or ["a", "b"].
type jsonRule rule

func (r *jsonRule) UnmarshalJSON(b []byte) error {
	var line string
	if json.Unmarshal(b, &line) == nil {
		*r = jsonRule(ruleOf(line))
		return nil
	}
	var pair []string
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("merge of %d symbols, want 2", len(pair))
	}
	*r = jsonRule(pair)
	return nil
}

// readFast reads tokenizer.json.
func readFast(fsys fs.FS, s *settings) (*table, error) {
	f, _, err := readJSON[fastJSON](fsys, fastFile, true)
	if err != nil {
		return nil, err
	}
	// Files older than the field "type" have none.
	if m := f.Model; m.Type != "BPE" && m.Type != "" || m.Suffix != endOfWord {
		return nil, &fault.Error{Kind: fault.Unsupported, Op: "tokenizer", Where: fastFile, What: "model",
			Have: fmt.Sprintf("%q with end of word %q", m.Type, m.Suffix), Want: fmt.Sprintf("BPE with %q, as CLIP's", endOfWord)}
	}
	if err := checkIDs(fastFile, f.Model.Vocab); err != nil {
		return nil, err
	}
	s.added = f.AddedTokens
	rules := make([]rule, len(f.Model.Merges))
	for i, r := range f.Model.Merges {
		rules[i] = rule(r)
	}
	return newTable(f.Model.Vocab, rules), nil
}

// configJSON is what is read of tokenizer_config.json and special_tokens_map.json.
type configJSON struct {
	BOS       token            `json:"bos_token"`
	EOS       token            `json:"eos_token"`
	Unknown   token            `json:"unk_token"`
	Pad       token            `json:"pad_token"`
	MaxLength *float64         `json:"model_max_length"`
	Added     map[string]token `json:"added_tokens_decoder"`
}

// readSettings reads the optional files. Where tokenizer_config.json lists the
// added tokens, it alone counts, as in transformers; in older folders
// special_tokens_map.json overrides it.
func readSettings(fsys fs.FS, s *settings) error {
	c, _, err := readJSON[configJSON](fsys, configFile, false)
	if err != nil {
		return err
	}
	if c.MaxLength != nil && *c.MaxLength >= 2 && *c.MaxLength <= math.MaxInt32 {
		s.maxLength = int(*c.MaxLength)
	}
	s.bos, s.eos, s.unk, s.pad = c.BOS, c.EOS, c.Unknown, c.Pad
	if c.Added != nil {
		return s.addDecoder(c.Added)
	}
	special, _, err := readJSON[configJSON](fsys, specialFile, false)
	if err != nil {
		return err
	}
	for to, from := range map[*token]token{&s.bos: special.BOS, &s.eos: special.EOS, &s.unk: special.Unknown, &s.pad: special.Pad} {
		if from.known {
			*to = from
		}
	}
	extra, _, err := readJSON[map[string]int32](fsys, addedFile, false)
	for _, text := range slices.Sorted(maps.Keys(extra)) {
		s.added = append(s.added, token{Content: text, ID: extra[text]})
	}
	return err
}

// addDecoder takes added_tokens_decoder: tokens by id.
func (s *settings) addDecoder(tokens map[string]token) error {
	for _, key := range slices.Sorted(maps.Keys(tokens)) {
		id, err := strconv.ParseInt(key, 10, 32)
		if err != nil {
			return &fault.Error{Kind: fault.Invalid, Op: "tokenizer", Where: configFile, What: "added_tokens_decoder key", Have: strconv.Quote(key), Want: "an id"}
		}
		t := tokens[key]
		t.ID = int32(id)
		s.added = append(s.added, t)
	}
	return nil
}

func checkIDs(file string, ids map[string]int32) error {
	for s, id := range ids {
		if id < 0 || id >= maxID {
			return &fault.Error{Kind: fault.Invalid, Op: "tokenizer", Where: file, What: "id of " + strconv.Quote(s),
				Have: strconv.Itoa(int(id)), Want: "0 to " + strconv.Itoa(maxID-1)}
		}
	}
	return nil
}

func exists(fsys fs.FS, name string) bool {
	_, err := fs.Stat(fsys, name)
	return err == nil
}

// readJSON reads a file into a T and reports whether it is there; a file that must
// be there and is not is an error.
func readJSON[T any](fsys fs.FS, name string, must bool) (v T, there bool, err error) {
	b, err := read(fsys, name)
	if errors.Is(err, fs.ErrNotExist) && !must {
		return v, false, nil
	}
	if err != nil {
		return v, false, err
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return v, false, &fault.Error{Kind: fault.Invalid, Op: "tokenizer", Where: name, Err: err}
	}
	return v, true, nil
}

// read reads a file of at most maxFile bytes.
func read(fsys fs.FS, name string) ([]byte, error) { return readUpTo(fsys, name, maxFile) }

func readUpTo(fsys fs.FS, name string, most int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		kind := fault.Invalid
		if errors.Is(err, fs.ErrNotExist) {
			kind = fault.Missing
		}
		return nil, &fault.Error{Kind: kind, Op: "tokenizer", Where: name, Err: err}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, &fault.Error{Kind: fault.Invalid, Op: "tokenizer", Where: name, Err: err}
	case int64(len(b)) > most:
		return nil, &fault.Error{Kind: fault.Limit, Op: "tokenizer", Where: name, What: "file", Have: fmt.Sprintf("of more than %d MiB", most>>20), Want: "at most that"}
	}
	return b, nil
}
