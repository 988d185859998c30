package bpe

import (
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/easel-go/easel/internal/golden"
)

type texts struct {
	Seed int `json:"seed"`
	Rows []struct {
		I    int    `json:"i"`
		Kind string `json:"kind"`
		Text string `json:"text"`
	} `json:"rows"`
}

type clipTable struct {
	MadeBy map[string]string `json:"made_by"`
	Modes  map[string]string `json:"modes"`
	Note   string            `json:"note"`
	Texts  int               `json:"texts"`
	Equal  map[string]int    `json:"equal_rows_between_modes"`
	Rows   []map[string]any  `json:"rows"`
}

// fixer is what ftfy made of the texts of the table. transformers takes special
// tokens out first and fixes what lies between; ftfy leaves their names alone, so
// that the pieces of a fixed text are the fixed pieces of the text, with one
// exception: it decodes HTML entities only where there is no "<".
func (c clipTable) fixer(t texts) func(string) string {
	fixed := map[string]string{}
	specials := regexp.MustCompile(regexp.QuoteMeta(startOfText) + "|" + regexp.QuoteMeta(endOfText))
	for _, row := range c.Rows {
		f, ok := row["fix_text"].(string)
		text := t.Rows[int(row["i"].(float64))].Text
		if !ok {
			f = text
		}
		fixed[text] = f
		from, to := specials.Split(text, -1), specials.Split(f, -1)
		for i := range min(len(from), len(to)) {
			if _, whole := fixed[from[i]]; !whole {
				fixed[from[i]] = entity(from[i], to[i])
			}
		}
	}
	return func(s string) string {
		if f, ok := fixed[s]; ok {
			return f
		}
		return s
	}
}

// entity decodes HTML entities of a piece without "<", as ftfy does.
func entity(piece, fixed string) string {
	if strings.Contains(piece, "<") {
		return fixed
	}
	return regexp.MustCompile(`&#?[0-9A-Za-z]{1,24};`).ReplaceAllStringFunc(fixed, html.UnescapeString)
}

// load reads the texts and a table beside them; cases lie by index.
func load(t *testing.T) (dir string, all texts, c clipTable) {
	dir = golden.Part(t, "tokenizer")
	all = golden.JSON[texts](t, dir+"/texts.json")
	for i, row := range all.Rows {
		if row.I != i {
			t.Fatalf("text %d has index %d", i, row.I)
		}
	}
	return dir, all, golden.JSON[clipTable](t, dir+"/clip.json")
}

// folder makes a tokenizer folder as diffusers checkpoints have, from CLIP's own
// vocabulary: vocab.json, merges.txt up to cut bytes, tokenizer_config.json.
func folder(t testing.TB, pad string, cut int) fs.FS {
	rules := standardRules()
	vocab, _ := json.Marshal(standardIDs(rules))
	var b strings.Builder
	b.WriteString("#version: 0.2\n")
	for _, r := range rules {
		b.WriteString(r[0] + " " + r[1] + "\n")
	}
	merges := b.String()
	if cut > 0 {
		merges = merges[:cut]
	}
	plain := map[string]any{"lstrip": false, "rstrip": false, "normalized": true, "single_word": false, "special": true}
	tok := func(s string, normalized bool) map[string]any {
		m := maps.Clone(plain)
		m["content"], m["normalized"] = s, normalized
		return m
	}
	added := map[string]any{"49406": tok(startOfText, true), "49407": tok(endOfText, true)}
	if pad == "!" {
		added["0"] = tok("!", false)
	}
	config, err := json.Marshal(map[string]any{"bos_token": startOfText, "eos_token": endOfText, "unk_token": endOfText,
		"pad_token": pad, "model_max_length": 77, "added_tokens_decoder": added})
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{vocabFile: {Data: vocab}, mergesFile: {Data: []byte(merges)}, configFile: {Data: config}}
}

// tokenizers are the tokenizers of the golden tables, by the names used there.
func tokenizers(t *testing.T, fix func(string) string) map[string]*Tokenizer {
	plain, bang := folder(t, endOfText, 0), folder(t, "!", 0)
	made := map[string]*Tokenizer{}
	for name, c := range map[string]struct {
		fsys fs.FS
		mode Mode
	}{"fast": {plain, Fast}, "slow": {plain, Slow}, "ftfy": {plain, FTFY}, "fast_bang": {bang, Fast}, "slow_bang": {bang, Slow}} {
		tok, err := Open(c.fsys, Options{Mode: c.mode, Fix: fix})
		if err != nil {
			t.Fatal(err)
		}
		made[name] = tok
	}
	for _, mode := range []Mode{OpenAI, OpenCLIP} {
		tok, err := Standard(Options{Mode: mode, Fix: fix})
		if err != nil {
			t.Fatal(err)
		}
		made[mode.String()] = tok
	}
	return made
}

func TestGoldenModes(t *testing.T) {
	_, all, c := load(t)
	made := tokenizers(t, c.fixer(all))
	if len(c.Rows) != c.Texts || len(all.Rows) != c.Texts {
		t.Fatalf("%d rows, %d texts, want %d", len(c.Rows), len(all.Rows), c.Texts)
	}
	for _, mode := range golden.Keys(c.Modes) {
		tok := made[mode]
		if tok == nil {
			t.Errorf("mode %s is not known", mode)
			continue
		}
		for _, row := range c.Rows {
			i := int(row["i"].(float64))
			for key := range row {
				if _, ok := c.Modes[key]; !ok && key != "i" && key != "fix_text" {
					t.Fatalf("row %d has a field %q", i, key)
				}
			}
			v := row[mode]
			for s, ok := v.(string); ok; s, ok = v.(string) {
				v = row[s]
			}
			golden.Equal(t, fmt.Sprintf("%s %d %q", mode, i, all.Rows[i].Text), tok.Encode(all.Rows[i].Text), numbers(v))
		}
	}
}

func numbers(v any) []int32 {
	list := v.([]any)
	ids := make([]int32, len(list))
	for i, x := range list {
		ids[i] = int32(x.(float64))
	}
	return ids
}

func TestGoldenRows(t *testing.T) {
	dir, all, c := load(t)
	made := tokenizers(t, c.fixer(all))
	table := golden.JSON[struct {
		Call    string `json:"call"`
		Batches []struct {
			Texts []int     `json:"texts"`
			Mode  string    `json:"mode"`
			IDs   [][]int32 `json:"input_ids"`
			Mask  [][]int   `json:"attention_mask"`
		} `json:"padding_true"`
		Rows []struct {
			I    int     `json:"i"`
			Mode string  `json:"mode"`
			IDs  []int32 `json:"input_ids"`
			Ones int     `json:"ones"`
		} `json:"rows"`
	}](t, dir+"/clip_77.json")
	for _, row := range table.Rows {
		where := fmt.Sprintf("%s %d", row.Mode, row.I)
		text := all.Rows[row.I].Text
		have := made[row.Mode].Row(text, 77)
		golden.Equal(t, where, have.IDs, row.IDs)
		if have.Len != row.Ones || have.Cut != max(len(made[row.Mode].Encode(text))-77, 0) {
			t.Errorf("%s: %d ids and %d cut, want %d", where, have.Len, have.Cut, row.Ones)
		}
	}
	for i, b := range table.Batches {
		var batch []string
		for _, i := range b.Texts {
			batch = append(batch, all.Rows[i].Text)
		}
		for j, row := range made[b.Mode].Rows(batch, 77) {
			where := fmt.Sprintf("batch %d %s row %d", i, b.Mode, j)
			golden.Equal(t, where, row.IDs, b.IDs[j])
			mask := make([]int, len(row.IDs))
			for k := range row.Len {
				mask[k] = 1
			}
			golden.Equal(t, where+" mask", mask, b.Mask[j])
		}
	}
}

// TestGoldenCutMerges reads a merges.txt that ends in the middle of a line.
func TestGoldenCutMerges(t *testing.T) {
	dir, all, _ := load(t)
	table := golden.JSON[struct {
		Note   string `json:"note"`
		Merges int    `json:"merges"`
		Rows   []struct {
			I   int     `json:"i"`
			IDs []int32 `json:"ids"`
		} `json:"rows"`
	}](t, dir+"/clip_cut_merges.json")
	tok, err := Open(folder(t, "!", 425984), Options{Mode: Slow})
	if err != nil {
		t.Fatal(err)
	}
	if tok.table.lines != table.Merges {
		t.Errorf("%d lines of rules, want %d", tok.table.lines, table.Merges)
	}
	whole, err := Standard(Options{Mode: Slow, Pad: "!"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[int][]int32{}
	for _, row := range table.Rows {
		want[row.I] = row.IDs
	}
	for i, row := range all.Rows {
		ids, changed := want[i]
		if !changed {
			ids = whole.Encode(row.Text)
		}
		golden.Equal(t, fmt.Sprintf("text %d", i), tok.Encode(row.Text), ids)
	}
}

// TestGoldenFolders opens the tokenizers of the tree's diffusion checkpoints.
func TestGoldenFolders(t *testing.T) {
	root := golden.Part(t, "model")
	found := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != vocabFile {
			return err
		}
		found++
		fsys := os.DirFS(filepath.Dir(path))
		config := struct {
			Max float64 `json:"model_max_length"`
			Pad any     `json:"pad_token"`
		}{}
		if b, err := fs.ReadFile(fsys, configFile); err == nil {
			if err := json.Unmarshal(b, &config); err != nil {
				t.Error(err)
			}
		}
		for _, mode := range []Mode{Fast, Slow} {
			tok, err := Open(fsys, Options{Mode: mode})
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			golden.Equal(t, path, tok.Encode(""), []int32{tok.BOS(), tok.EOS()})
			if pad, ok := config.Pad.(string); ok && tok.table.ids[pad] != tok.Pad() || tok.MaxLength() != int(config.Max) {
				t.Errorf("%s: pad %d, longest row %d, want %v and %v", path, tok.Pad(), tok.MaxLength(), config.Pad, config.Max)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found == 0 && os.Getenv(golden.Env) == "" {
		t.Error("no tokenizer in the tree")
	}
}
