package spm

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

// TestTrained compares with sentencepiece, for the models that testdata/trained/make.py
// made.
func TestTrained(t *testing.T) {
	for _, path := range golden.Glob(t, "testdata/trained", "*.model") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".model"), func(t *testing.T) {
			m, err := Parse(golden.Bytes(t, path))
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range golden.JSON[[][3]json.RawMessage](t, strings.TrimSuffix(path, ".model")+".json") {
				text := golden.Decode[string](t, "text", row[0])
				ids, pieces := golden.Decode[[]int32](t, "ids", row[1]), golden.Decode[[]string](t, "pieces", row[2])
				if have := m.Encode(text); !slices.Equal(have, ids) {
					t.Errorf("%q: %v, want %v", text, have, ids)
				}
				if have := m.Pieces(text); !slices.Equal(have, pieces) {
					t.Errorf("%q: %q, want %q", text, have, pieces)
				}
			}
		})
	}
}

// TestDamagedTable walks arrays that lead anywhere.
func TestDamagedTable(t *testing.T) {
	for _, units := range []string{"", "\xff\xff\xff\xff", "\x00\x04\x00\x00\x61\x01\x00\x00"} {
		c, err := parseCharsmap([]byte(string([]byte{byte(len(units)), 0, 0, 0}) + units + "x"))
		if err != nil {
			t.Fatal(err)
		}
		c.longest("aaaa")
	}
}
