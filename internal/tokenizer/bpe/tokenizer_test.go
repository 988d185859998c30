package bpe

import (
	"encoding/json"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/tokenizer/join"
	"golang.org/x/text/unicode/norm"
)

func standard(t testing.TB, opt Options) *Tokenizer {
	t.Helper()
	tok, err := Standard(opt)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestPublished compares with ids that stand in public documentation and logs.
func TestPublished(t *testing.T) {
	for _, c := range []struct {
		mode Mode
		text string
		want []int32
	}{
		{Fast, "a photo of a cat", []int32{320, 1125, 539, 320, 2368}},
		{Slow, "a photograph of an astronaut riding a horse", []int32{320, 8853, 539, 550, 18376, 6765, 320, 4558}},
		{Fast, "Hello, World! It's 2024", []int32{3306, 267, 1002, 256, 585, 568, 273, 271, 273, 275}},
		{Fast, "二次元", []int32{21078, 234, 162, 105, 94, 34314, 481}},
		{Slow, "二次元", []int32{21078, 490, 162, 105, 350, 34314, 481}},
		{Slow, "", nil},
		{Fast, " \t\n", nil},
	} {
		if have := standard(t, Options{Mode: c.mode}).Tokens(c.text); !slices.Equal(have, c.want) {
			t.Errorf("%v %q: %v, want %v", c.mode, c.text, have, c.want)
		}
	}
}

func TestBang(t *testing.T) {
	for pad, want := range map[string][]int32{"": {2781, 995}, "!": {2781, 0, 0, 0}} {
		for _, mode := range []Mode{Fast, Slow} {
			tok := standard(t, Options{Mode: mode, Pad: pad})
			if have := tok.Tokens("wow!!!"); !slices.Equal(have, want) {
				t.Errorf("%v, pad %q: %v, want %v", mode, pad, have, want)
			}
			row := tok.Row("wow!!!", 10)
			if row.IDs[9] != tok.Pad() || row.Len != 2+len(want) || row.Cut != 0 {
				t.Errorf("%v, pad %q: %+v", mode, pad, row)
			}
		}
	}
}

func TestRowCut(t *testing.T) {
	tok := standard(t, Options{})
	for _, n := range []int{-1, 0, 1, 2, 3, 77} {
		row := tok.Row(strings.Repeat("cat ", 100), n)
		n = max(n, 2)
		if len(row.IDs) != n || row.Len != n || row.Cut != 102-n || row.IDs[n-1] != tok.EOS() || row.IDs[0] != tok.BOS() {
			t.Errorf("%d: %+v", n, row)
		}
	}
	if rows := tok.Rows(nil, 77); len(rows) != 0 {
		t.Errorf("no texts: %v", rows)
	}
	if tok.Size() != 49408 || tok.MaxLength() != 77 {
		t.Errorf("size %d, longest row %d", tok.Size(), tok.MaxLength())
	}
}

func TestDecode(t *testing.T) {
	tok := standard(t, Options{})
	for text, want := range map[string]string{
		"A photo of a CAT": "a photo of a cat", "二次元 😀": "二次元 😀", "it's 10!": "it 's 1 0 !", "": "",
	} {
		if have := tok.Decode(tok.Encode(text)); have != want {
			t.Errorf("%q: %q, want %q", text, have, want)
		}
	}
	tok.Decode([]int32{-1, 1 << 30, 234}) // no id, no id, half a character
}

// TestLower is Unicode's rule for the small sigma at the end of a word.
func TestLower(t *testing.T) {
	for text, want := range map[string]string{
		"ΟΔΟΣ": "οδος", "ΟΔΟΣ.": "οδος.", "ΟΔΟ.Σ": "οδο.ς", "ΣΑΣ ΣΑΣ": "σας σας", "Σ": "σ", "AΣ'B": "aσ'b", "1Σ": "1σ", "İI": "i̇i",
	} {
		if have := lowerPython(text); have != want {
			t.Errorf("%q: %q, want %q", text, have, want)
		}
		if have := lowerFast(text); have != strings.ReplaceAll(want, "ς", "σ") {
			t.Errorf("%q: %q in fast", text, have)
		}
	}
}

// TestUnescape compares with Python's html.unescape where it differs from Go's.
func TestUnescape(t *testing.T) {
	for text, want := range map[string]string{
		"&amp;&ampx&notit;&notanentity;": "&&x¬it;¬anentity;", "&#9 &#38;amp;": "\t &amp;", "&#x41&#X42;": "AB",
		"&#128;&#0;&#xd800;&#1114112;": "€\ufffd\ufffd\ufffd", "a&#1;&#xfdd0;&#x1ffff;b": "ab", "&nLt;": "≪\u20d2", "& &; &#; &#x;": "& &; &#; &#x;",
		"&#99999999999999999999;": "\ufffd",
	} {
		if have := unescape(text); have != want {
			t.Errorf("%q: %+q, want %+q", text, have, want)
		}
	}
}

// TestManyMarks composes beyond what package norm does, and as it does below that.
func TestManyMarks(t *testing.T) {
	const acute, below = "\u0301", "\u0323"
	for text, want := range map[string]string{
		"e" + strings.Repeat(acute, 40):                             "é" + strings.Repeat(acute, 39),
		"xe" + strings.Repeat(acute, 40) + below + "y":              "xẹ" + strings.Repeat(acute, 40) + "y",
		strings.Repeat(acute, 40) + "e" + acute:                     strings.Repeat(acute, 40) + "é",
		"q" + strings.Repeat(acute+below, 20) + "\u1100\u1161":      "q" + strings.Repeat(below, 20) + strings.Repeat(acute, 20) + "\uac00",
		"\u1e69" + strings.Repeat("\u0307", 33) + "e" + acute + "s": "\u1e69" + strings.Repeat("\u0307", 33) + "és",
	} {
		if have := nfc(text); have != want {
			t.Errorf("%+q: %+q, want %+q", text, have, want)
		}
	}
	for _, s := range []string{"e\u0301\u0323", "\u1100\u1161\u11a8", "\u0344", "\u1e9b\u0323", "a\u0315\u0300\u05ae", "\u212b", "\u0958"} {
		if have, want := compose(s), norm.NFC.String(s); have != want {
			t.Errorf("%+q: %+q, want %+q", s, have, want)
		}
	}
}

// TestApply holds the fast joining against the definition, in both orders, with
// rules of a random table, where rules come before those that make their parts.
func TestApply(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		m, symbols := merges{}, int32(3)
		for rank := range int32(20) {
			m[pairOf(r.Int32N(symbols), r.Int32N(symbols))] = merge{r.Int32N(1000)*32 + rank, symbols}
			symbols++
		}
		word := make([]int32, 1+r.IntN(60))
		for i := range word {
			word[i] = r.Int32N(3)
		}
		for _, order := range []join.Order{join.Batch, join.Eager} {
			want := m.applyShort(slices.Clone(word), order)
			if have := m.applyLong(slices.Clone(word), order); !slices.Equal(have, want) {
				t.Fatalf("%v by %v, order %v: %v, want %v", word, m, order, have, want)
			}
		}
	}
}

// fastFolder is folder's tokenizer as a tokenizer.json, rules as strings or pairs.
func fastFolder(t testing.TB, pairs bool) fs.FS {
	rules := standardRules()
	var list []any
	for _, r := range rules {
		if pairs {
			list = append(list, r)
		} else {
			list = append(list, r[0]+" "+r[1])
		}
	}
	special := func(s string, id int) any {
		return map[string]any{"id": id, "content": s, "normalized": true, "special": true}
	}
	b, err := json.Marshal(map[string]any{"version": "1.0", "normalizer": map[string]any{"type": "NFC"},
		"added_tokens": []any{special(startOfText, 49406), special(endOfText, 49407)},
		"model":        map[string]any{"type": "BPE", "end_of_word_suffix": endOfWord, "unk_token": endOfText, "vocab": standardIDs(rules), "merges": list}})
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{fastFile: {Data: b}}
}

func TestFastFile(t *testing.T) {
	const text = "A 二次元 photo<|ENDOFTEXT|> of naïve cats"
	for _, mode := range []Mode{Fast, Slow} {
		want := standard(t, Options{Mode: mode}).Encode(text)
		for _, pairs := range []bool{false, true} {
			tok, err := Open(fastFolder(t, pairs), Options{Mode: mode})
			if err != nil {
				t.Fatal(err)
			}
			if have := tok.Encode(text); !slices.Equal(have, want) {
				t.Errorf("%v: %v, want %v", mode, have, want)
			}
		}
	}
}

// small is a folder with a vocabulary of bytes alone.
func small() fstest.MapFS {
	ids := map[string]int32{}
	for _, s := range byteSymbols() {
		ids[s], ids[s+endOfWord] = int32(len(ids)), int32(len(ids)+1)
	}
	ids[startOfText], ids[endOfText] = 512, 513
	vocab, _ := json.Marshal(ids)
	return fstest.MapFS{vocabFile: {Data: vocab}, mergesFile: {Data: []byte("#version: 0.2\n")}}
}

func TestAddedTokens(t *testing.T) {
	files := small()
	files[addedFile] = &fstest.MapFile{Data: []byte(`{"<cat>": 514, "<cat>2": 515}`)}
	files[specialFile] = &fstest.MapFile{Data: []byte(`{"pad_token": {"content": "<pad>", "lstrip": true, "rstrip": true}, "mask_token": null}`)}
	files[configFile] = &fstest.MapFile{Data: []byte(`{"model_max_length": 1e30, "pad_token": null, "added_tokens_decoder": null}`)}
	if _, err := Open(files, Options{}); fault.KindOf(err) != fault.Missing {
		t.Errorf("a pad token without id: %v", err)
	}
	files[addedFile] = &fstest.MapFile{Data: []byte(`{"<cat>": 514, "<cat>2": 515, "<pad>": 7}`)}
	for _, mode := range []Mode{Fast, Slow} {
		tok, err := Open(files, Options{Mode: mode})
		if err != nil {
			t.Fatal(err)
		}
		if tok.Size() != 516 || tok.MaxLength() != 0 || tok.Pad() != 7 {
			t.Errorf("%v: size %d, longest row %d, pad %d", mode, tok.Size(), tok.MaxLength(), tok.Pad())
		}
		a := tok.Tokens("a")
		for text, want := range map[string][]int32{
			"a<cat>2<cat> a": {a[0], 515, 514, a[0]}, "<cat><cat>": {514, 514}, "a <pad> a": {a[0], 7, a[0]},
		} {
			if have := tok.Tokens(text); !slices.Equal(have, want) {
				t.Errorf("%v %q: %v, want %v", mode, text, have, want)
			}
		}
	}
}

// TestBadFolders: each says what is wrong with which file.
func TestBadFolders(t *testing.T) {
	for name, c := range map[string]struct {
		change map[string]string
		kind   fault.Kind
	}{
		"no vocabulary":         {map[string]string{vocabFile: ""}, fault.Missing},
		"no rules":              {map[string]string{mergesFile: ""}, fault.Missing},
		"not JSON":              {map[string]string{vocabFile: "{"}, fault.Invalid},
		"a list":                {map[string]string{vocabFile: "[]"}, fault.Invalid},
		"a fractional id":       {map[string]string{vocabFile: `{"a": 0.5}`}, fault.Invalid},
		"a negative id":         {map[string]string{vocabFile: `{"a": -1}`}, fault.Invalid},
		"a huge id":             {map[string]string{vocabFile: `{"a": 2147483647}`}, fault.Invalid},
		"no special tokens":     {map[string]string{vocabFile: `{"a": 1}`}, fault.Missing},
		"configuration no JSON": {map[string]string{configFile: `pad: "!"`}, fault.Invalid},
		"a number for a token":  {map[string]string{configFile: `{"pad_token": 1}`}, fault.Invalid},
		"an empty added token":  {map[string]string{configFile: `{"added_tokens_decoder": {"1": {"content": ""}}}`}, fault.Invalid},
		"a word for an id":      {map[string]string{configFile: `{"added_tokens_decoder": {"x": {"content": "x"}}}`}, fault.Invalid},
		"a single word":         {map[string]string{configFile: `{"added_tokens_decoder": {"1": {"content": "x", "single_word": true}}}`}, fault.Unsupported},
		"a wordpiece model":     {map[string]string{fastFile: `{"model": {"type": "WordPiece"}}`}, fault.Unsupported},
		"a rule of three":       {map[string]string{fastFile: `{"model": {"merges": [["a", "b", "c"]]}}`}, fault.Invalid},
	} {
		files := maps.Clone(small())
		for file, text := range c.change {
			files[file] = &fstest.MapFile{Data: []byte(text)}
			if text == "" {
				delete(files, file)
			}
		}
		if _, err := Open(files, Options{}); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want it to be of kind %q", name, err, c.kind)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for _, opt := range []Options{{Mode: FTFY}, {Mode: OpenAI}, {Mode: OpenCLIP}, {Mode: 99}} {
		if _, err := Standard(opt); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", opt, err)
		}
	}
	if _, err := Standard(Options{Pad: "no such token"}); fault.KindOf(err) != fault.Missing {
		t.Errorf("an unknown pad token: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	for name, file := range small() {
		f.Add(name, file.Data)
	}
	f.Add(fastFile, []byte(`{"added_tokens": [{"id": 1, "content": "b", "normalized": true}], "model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {"a</w>": 0, "<|startoftext|>": 1, "<|endoftext|>": 2}, "merges": ["a b", ["a", "b"]]}}`))
	f.Add(configFile, []byte(`{"pad_token": "!", "eos_token": {"content": "<|endoftext|>", "lstrip": true}, "added_tokens_decoder": {"0": {"content": "!"}}}`))
	f.Add(specialFile, []byte(`{"pad_token": "!", "bos_token": null}`))
	f.Add(addedFile, []byte(`{"<x>": 600}`))
	base := small()
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		files := maps.Clone(base)
		files[name] = &fstest.MapFile{Data: data}
		for _, mode := range []Mode{Fast, Slow} {
			tok, err := Open(files, Options{Mode: mode})
			if err != nil {
				if fault.KindOf(err) == "" && fs.ValidPath(name) {
					t.Fatalf("an error of no kind: %v", err)
				}
				continue
			}
			for _, id := range tok.Row("Ab <x>!! b"+name, 20).IDs {
				if id < 0 || int(id) >= tok.Size() {
					t.Fatalf("id %d of %d", id, tok.Size())
				}
			}
		}
	})
}

func FuzzEncode(f *testing.F) {
	for _, s := range []string{"a photo of a cat", "二次元<|endoftext|>!", "'ſ <|ſtartoftext|> ΑΣ", "&amp;&notit;", "e\u0301\u0301", "\xff\xc3", strings.Repeat("ab", 40)} {
		f.Add(s)
	}
	var toks []*Tokenizer
	for mode := range Mode(len(modeNames)) {
		toks = append(toks, standard(f, Options{Mode: mode, Pad: "!", Fix: func(s string) string { return s }}))
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, tok := range toks {
			ids := tok.Encode(s)
			if ids[0] != tok.BOS() || ids[len(ids)-1] != tok.EOS() {
				t.Fatalf("%v", ids)
			}
			for _, id := range ids {
				if id < 0 || int(id) >= tok.Size() {
					t.Fatalf("id %d of %d", id, tok.Size())
				}
			}
			tok.Decode(ids)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	const prompt = "masterpiece, best quality, 1girl, a photo of a cat riding a motorcycle in the rain"
	for _, c := range []struct {
		name, text string
		mode       Mode
	}{
		{"prompt/fast", prompt, Fast}, {"prompt/slow", prompt, Slow},
		{"1MB/words", strings.Repeat(prompt+"\n", 1<<20/len(prompt)), Slow},
		{"1MB/one-letter", strings.Repeat("a", 1<<20), Fast},
		{"1MB/ideographs", strings.Repeat("二次元紫色短发", 1<<20/21), Fast},
		{"1MB/punctuation", strings.Repeat("!?", 1<<19), Slow},
		{"1MB/marks", strings.Repeat("\u0301", 1<<19), Slow},
	} {
		b.Run(c.name, func(b *testing.B) {
			tok := standard(b, Options{Mode: c.mode})
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				tok.Encode(c.text)
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	b.Run("embedded", func(b *testing.B) {
		for b.Loop() {
			rules := standardRules()
			newTable(standardIDs(rules), rules)
		}
	})
	for name, files := range map[string]fs.FS{"vocab.json": folder(b, "!", 0), "tokenizer.json": fastFolder(b, false)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Open(files, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
