package bpe

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/golden"
)

// TestByteLevel compares ids with transformers', for the tokenizers that
// testdata/bytelevel/make.py made.
func TestByteLevel(t *testing.T) {
	for _, dir := range golden.Glob(t, "testdata/bytelevel", "*/cases.json") {
		dir = filepath.Dir(dir)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			tok, err := OpenByteLevel(os.DirFS(dir))
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range golden.JSON[[][2]json.RawMessage](t, dir+"/cases.json") {
				text, want := golden.Decode[string](t, "text", row[0]), golden.Decode[[]int32](t, "ids", row[1])
				have, err := tok.Tokens(text)
				if err != nil || !slices.Equal(have, want) {
					t.Errorf("%q: %v, want %v (%v)", text, have, want, err)
				}
			}
		})
	}
}

// TestScan holds the scanner of known patterns to the patterns themselves.
func TestScan(t *testing.T) {
	// Not ſ: for the reference it is an s of any case, as for the scanner, for package regexp2
	// it is not. make.py has texts with it.
	alphabet := []rune("''sStTrRveEmMlLdDK aAzé二ガ1239½٣  \u00a0\u3000\t\r\n\n.,!(_\u0301\u200b🐱\u0345")
	rng := rand.New(rand.NewPCG(1, 2))
	for _, x := range styles {
		re, err := regex(x.pattern)
		if err != nil {
			t.Fatal(err)
		}
		slow := splitter{find: re, behavior: "Isolated"}
		fast := splitter{find: scan(x), behavior: "Isolated"}
		for range 3000 {
			var b strings.Builder
			for range rng.IntN(12) {
				b.WriteRune(alphabet[rng.IntN(len(alphabet))])
			}
			want, err := slow.split(nil, b.String())
			have, _ := fast.split(nil, b.String())
			if err != nil || !slices.Equal(have, want) {
				t.Fatalf("%q: %q, want %q (%v)", b.String(), have, want, err)
			}
		}
	}
}

func TestByteLevelRefusals(t *testing.T) {
	const vocab = `"vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]`
	for name, c := range map[string]struct {
		text string
		kind fault.Kind
	}{
		"no JSON":           {"{", fault.Invalid},
		"WordPiece":         {`{"model":{"type":"WordPiece"}}`, fault.Unsupported},
		"CLIP":              {`{"model":{"type":"BPE","end_of_word_suffix":"</w>"}}`, fault.Unsupported},
		"no pre-tokenizer":  {`{"model":{"type":"BPE",` + vocab + `}}`, fault.Unsupported},
		"Metaspace":         {`{"pre_tokenizer":{"type":"Metaspace"},"model":{"type":"BPE",` + vocab + `}}`, fault.Unsupported},
		"empty Sequence":    {`{"pre_tokenizer":{"type":"Sequence"},"model":{"type":"BPE",` + vocab + `}}`, fault.Unsupported},
		"ByteLevel first":   {`{"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},{"type":"Digits"}]},"model":{"type":"BPE",` + vocab + `}}`, fault.Unsupported},
		"NFKC":              {`{"normalizer":{"type":"NFKC"},"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE",` + vocab + `}}`, fault.Unsupported},
		"pattern":           {`{"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","behavior":"Isolated","pattern":{"Regex":"("}},{"type":"ByteLevel"}]},"model":{"type":"BPE",` + vocab + `}}`, fault.Unsupported},
		"merge of no entry": {`{"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}`, fault.Invalid},
		"dropout":           {`{"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","dropout":0.1,` + vocab + `}}`, fault.Unsupported},
		"huge id":           {`{"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":99999999}}}`, fault.Invalid},
	} {
		_, err := OpenByteLevel(fstest.MapFS{"tokenizer.json": {Data: []byte(c.text)}})
		if fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want kind %v", name, err, c.kind)
		}
	}
	if _, err := OpenByteLevel(fstest.MapFS{}); fault.KindOf(err) != fault.Missing {
		t.Errorf("no file: %v", err)
	}
}

func FuzzByteLevel(f *testing.F) {
	const model = `"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"Ġ":3,"1":4,"Ġa":5},"merges":["a b",["Ġ","a"]],"ignore_merges":true,"unk_token":"b"}}`
	for _, steps := range []string{
		`{"normalizer":{"type":"NFC"},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true},"added_tokens":[{"id":6,"content":"  ","normalized":true}],`,
		`{"normalizer":{"type":"Sequence","normalizers":[{"type":"Lowercase"}]},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"ByteLevel"}]},"added_tokens":[{"id":7,"content":"<m>","special":true,"lstrip":true}],`,
		`{"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\p{L}+|[\\p{N}]"},"behavior":"MergedWithNext","invert":true},{"type":"Split","pattern":{"String":" "},"behavior":"Contiguous"},{"type":"ByteLevel","use_regex":false}]},`,
	} {
		f.Add([]byte(steps+model), "it's a  ab\n12<m>")
	}
	f.Fuzz(func(t *testing.T, file []byte, text string) {
		if len(file) > 1<<12 || len(text) > 1<<10 {
			return
		}
		tok, err := OpenByteLevel(fstest.MapFS{"tokenizer.json": {Data: file}})
		if err != nil {
			if fault.KindOf(err) == "" {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		tok.Tokens(text)
	})
}

func BenchmarkByteLevel(b *testing.B) {
	tok, err := OpenByteLevel(os.DirFS("testdata/bytelevel/neox"))
	if err != nil {
		b.Fatal(err)
	}
	text := strings.Repeat("A girl with long hair, blue eyes; oil painting of the sky, 2024. ", 16)
	n := 0
	for b.Loop() {
		ids, _ := tok.Tokens(text)
		n += len(ids)
	}
	b.SetBytes(int64(len(text)))
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tokens/s")
}
