package filter

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/internal/golden"
)

// tokenizationSet is what an op of Data-Juicer made of the rows.
type tokenizationSet struct {
	Op     string            `json:"op"`
	Params json.RawMessage   `json:"params"`
	Stats  []json.RawMessage `json:"stats"`
	Keep   []bool            `json:"keep"`
	Out    []string          `json:"out"`
	Hash   [][]string        `json:"hash"`
}

// tokenizerHome lays out the small tokenizers under the names of large ones, and the
// word lists, as testdata/tokenization/make.py did.
func tokenizerHome(t *testing.T) string {
	home := t.TempDir()
	t.Setenv(modelsHome, home)
	from := "../internal/tokenizer/"
	for name, dir := range map[string]string{defaultTokenizer: "bpe/testdata/bytelevel/neox", "some/llama": "bpe/testdata/bytelevel/llama"} {
		if err := os.CopyFS(filepath.Join(home, name), os.DirFS(from+dir)); err != nil {
			t.Fatal(err)
		}
	}
	lists := []byte(`{"en": ["the", "a", "of", "\u2581the", "\u2581a", "girl"], "zh": ["可爱", "二次元"]}`)
	for name, b := range map[string][]byte{"stopwords.json": lists, "flagged_words.json": lists,
		"en.sp.model": golden.Bytes(t, from+"spm/testdata/trained/unigram_table.model"), "zh.sp.model": golden.Bytes(t, from+"spm/testdata/trained/bpe_table.model")} {
		if err := os.WriteFile(filepath.Join(home, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// TestTokenization compares with what Data-Juicer's ops made where they cut texts with a
// tokenizer.
func TestTokenization(t *testing.T) {
	home := tokenizerHome(t)
	cases := golden.JSON[struct {
		Rows []string          `json:"rows"`
		Sets []tokenizationSet `json:"sets"`
	}](t, "testdata/tokenization/cases.json")
	for _, set := range cases.Sets {
		t.Run(set.Op+string(set.Params), func(t *testing.T) {
			s, err := New(set.Op, bytes.ReplaceAll(set.Params, []byte("@HOME@"), []byte(filepath.ToSlash(home))))
			if err != nil {
				t.Fatal(err)
			}
			for i, text := range cases.Rows {
				r := NewRow(&dataset.Sample{Fields: dataset.Struct{{Name: "text", Value: text}}}, Keys{})
				r.Strict = true
				tryTokenization(t, set, s, i, r)
			}
		})
	}
}

func tryTokenization(t *testing.T, set tokenizationSet, s Step, i int, r *Row) {
	text, _ := r.Text()
	switch op := s.Op.(type) {
	case Filter:
		if err := op.Measure(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		want, err := dataset.ParseJSON(set.Stats[i])
		if err != nil {
			t.Fatal(err)
		}
		if h, w := string(dataset.AppendJSON(nil, r.Stats.Fields())), string(dataset.AppendJSON(nil, want)); h != w {
			t.Errorf("%q: %s, want %s", text, h, w)
		}
		if keep, err := op.Keep(r); keep != set.Keep[i] || err != nil {
			t.Errorf("%q: kept %v (%v), want %v", text, keep, err, set.Keep[i])
		}
	case Mapper:
		rows, err := op.Map(t.Context(), r)
		if err != nil || len(rows) != 1 {
			t.Fatal(rows, err)
		}
		if have, _ := rows[0].Text(); have != set.Out[i] {
			t.Errorf("%q: %q, want %q", text, have, set.Out[i])
		}
	case *minhash:
		runs, err := op.shingles(text)
		if err != nil {
			t.Fatal(err)
		}
		var have []string
		for b := range op.bands {
			have = append(have, hex.EncodeToString(op.appendBand(nil, op.signature(runs), b)))
		}
		golden.Equal(t, text, have, set.Hash[i])
	}
}

// TestTokenizersAreNotFetched: what is not on the disk is an error that says what to do.
func TestTokenizersAreNotFetched(t *testing.T) {
	empty := t.TempDir()
	for _, name := range []string{"HF_HUB_CACHE", "DATA_JUICER_CACHE_HOME", modelsHome} {
		t.Setenv(name, empty)
	}
	t.Setenv("DATA_JUICER_MODELS_CACHE", "")
	t.Setenv("DATA_JUICER_ASSETS_CACHE", "")
	for args, want := range map[string]string{
		`token_num_filter {}`:                                                                           `filter.FetchTokenizer(ctx, "` + defaultTokenizer + `") first`,
		`alphanumeric_filter {"tokenization": true}`:                                                    "FetchTokenizer",
		`token_num_filter {"hf_tokenizer": ".."}`:                                                       "CLIP's, or byte-level BPE",
		`words_num_filter {"tokenization": true, "lang": "xx"}`:                                         "xx.sp.model",
		`stopwords_filter {}`:                                                                           "stopwords.json",
		`flagged_words_filter {"flagged_words_dir": "nosuch/dir"}`:                                      "flagged_words.json",
		`document_minhash_deduplicator {"tokenization": "sentencepiece"}`:                               "tokenizer_model",
		`document_minhash_deduplicator {"tokenization": "sentencepiece", "tokenizer_model": "x.model"}`: "x.model",
	} {
		name, params, _ := strings.Cut(args, " ")
		_, err := New(name, []byte(params))
		if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", args, err, want)
		}
	}
}

// TestAssetsCache finds word lists and models where Data-Juicer keeps what it fetched.
func TestAssetsCache(t *testing.T) {
	home := tokenizerHome(t)
	cache := t.TempDir()
	t.Setenv(modelsHome, "")
	t.Setenv("DATA_JUICER_CACHE_HOME", cache)
	t.Setenv("DATA_JUICER_MODELS_CACHE", "")
	t.Setenv("DATA_JUICER_ASSETS_CACHE", "")
	for _, dir := range []string{"models", "assets"} {
		if err := os.CopyFS(filepath.Join(cache, dir), os.DirFS(home)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := New("stopwords_filter", []byte(`{"tokenization": true}`)); err != nil {
		t.Error(err)
	}
}
