package spm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

// modelEnv names a tokenizer.model that the tree of cases has ids for and does not
// hold, such as ChatGLM3's own.
const modelEnv = "EASEL_SPM_MODEL"

type textRow struct {
	I    int    `json:"i"`
	Kind string `json:"kind"`
	Text string `json:"text"`
}

func loadTexts(t *testing.T) (dir string, texts []string) {
	dir = golden.Part(t, "tokenizer")
	table := golden.JSON[struct {
		Seed int       `json:"seed"`
		Rows []textRow `json:"rows"`
	}](t, dir+"/texts.json")
	for i, row := range table.Rows {
		if row.I != i {
			t.Fatalf("text %d has index %d", i, row.I)
		}
		texts = append(texts, row.Text)
	}
	return dir, texts
}

// find reads the model of a case by its hash: from the tree, or from where modelEnv
// says.
func find(t *testing.T, dir, sha string) *Model {
	paths, _ := filepath.Glob(dir + "/*.model")
	if given := os.Getenv(modelEnv); given != "" {
		paths = append(paths, given)
	}
	for _, path := range paths {
		b := golden.Bytes(t, path)
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != sha {
			continue
		}
		m, err := Parse(b)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return m
	}
	t.Skipf("golden: no model with SHA-256 %s here; %s=FILE runs the case", sha, modelEnv)
	return nil
}

func TestGoldenSPM(t *testing.T) {
	dir, texts := loadTexts(t)
	for _, path := range golden.Glob(t, dir, "spm_*.json") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			table := golden.JSON[struct {
				Note   string `json:"note"`
				SHA256 string `json:"model_sha256"`
				Bytes  int    `json:"model_bytes"`
				Pieces int    `json:"pieces"`
				By     string `json:"sentencepiece"`
				Rows   []struct {
					I       int      `json:"i"`
					IDs     []int32  `json:"ids"`
					Pieces  []string `json:"pieces"`
					Decoded *string  `json:"decoded"`
				} `json:"rows"`
			}](t, path)
			m := find(t, dir, table.SHA256)
			if table.Pieces != 0 && m.Size() != table.Pieces {
				t.Errorf("%d pieces, want %d", m.Size(), table.Pieces)
			}
			for _, row := range table.Rows {
				text := texts[row.I]
				where := fmt.Sprintf("text %d %q", row.I, text)
				golden.Equal(t, where, m.Encode(text), row.IDs)
				if row.Pieces != nil {
					golden.Equal(t, where, m.Pieces(text), row.Pieces)
				}
				want := text
				if row.Decoded != nil {
					want = *row.Decoded
				}
				if have := m.Decode(row.IDs); have != want && table.By != "" {
					t.Errorf("%s: decoded %q, want %q", where, have, want)
				}
			}
		})
	}
}

func TestGoldenChatGLM(t *testing.T) {
	dir, texts := loadTexts(t)
	for _, path := range golden.Glob(t, dir, "chatglm_256_*.json") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			table := golden.JSON[struct {
				SHA256   string           `json:"model_sha256"`
				By       string           `json:"diffusers"`
				Call     string           `json:"call"`
				Layout   string           `json:"layout"`
				Specials map[string]int32 `json:"special_ids"`
				Whole    struct {
					IDs       [][]int32 `json:"input_ids"`
					Mask      [][]int   `json:"attention_mask"`
					Positions [][]int32 `json:"position_ids"`
				} `json:"whole_batch_of_texts_0_1_2"`
				Rows []struct {
					I    int     `json:"i"`
					Ones int     `json:"ones"`
					IDs  []int32 `json:"ids"`
				} `json:"rows"`
			}](t, path)
			c := NewChatGLM(find(t, dir, table.SHA256))
			const n = 256
			for name, want := range table.Specials {
				if have, ok := c.Special(name); have != want || !ok {
					t.Errorf("%s is %d (%v), want %d", name, have, ok, want)
				}
			}
			if len(table.Specials) != c.Size()-c.Model().Size() {
				t.Errorf("%d special tokens, want %d", c.Size()-c.Model().Size(), len(table.Specials))
			}
			for _, row := range table.Rows {
				want := slices.Concat(make([]int32, n-row.Ones), row.IDs)
				have := c.Row(texts[row.I], n)
				golden.Equal(t, fmt.Sprintf("text %d", row.I), have.IDs, want)
				if have.Len != row.Ones || (have.Cut > 0) != (len(c.Encode(texts[row.I])) > n) {
					t.Errorf("text %d: %d ids and %d cut, want %d", row.I, have.Len, have.Cut, row.Ones)
				}
			}
			for i := range table.Whole.IDs {
				have, mask := c.Row(texts[i], n), make([]int, n)
				for j := n - have.Len; j < n; j++ {
					mask[j] = 1
				}
				golden.Equal(t, fmt.Sprintf("row %d ids", i), have.IDs, table.Whole.IDs[i])
				golden.Equal(t, fmt.Sprintf("row %d mask", i), mask, table.Whole.Mask[i])
				golden.Equal(t, fmt.Sprintf("row %d positions", i), have.Positions, table.Whole.Positions[i])
			}
		})
	}
}

// TestGoldenFolders opens every tokenizer.model of the tree's diffusion checkpoints and takes a text there
// and back.
func TestGoldenFolders(t *testing.T) {
	err := filepath.WalkDir(golden.Part(t, "model"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != modelFile {
			return err
		}
		c, err := OpenChatGLM(os.DirFS(filepath.Dir(path)))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		const text = "一个紫色 cat,  two spaces"
		if have := c.Model().Decode(c.Encode(text)); have != text {
			t.Errorf("%s: %q came back as %q", path, text, have)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
