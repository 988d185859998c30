package dataset

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

func TestGoldenSplits(t *testing.T) {
	table := golden.JSON[struct {
		Versions map[string]string `json:"versions"`
		Rules    []struct {
			Files  []string `json:"files"`
			Splits inOrder  `json:"splits"`
			Error  string   `json:"error"`
		} `json:"rules"`
	}](t, golden.Part(t, "dataset/splits.json"))
	for _, r := range table.Rules {
		found := findSplits(r.Files)
		if len(found) != len(r.Splits) {
			t.Errorf("%q: splits %v, want %v", r.Files, found, r.Splits)
			continue
		}
		for i, s := range r.Splits {
			if found[i].name != s.name || !slices.Equal(found[i].files, s.files) {
				t.Errorf("%q: split %v, want %v", r.Files, found[i], s)
			}
		}
	}
}

// inOrder is a JSON object of lists of names, in order.
type inOrder []split

// UnmarshalJSON reads it.
func (o *inOrder) UnmarshalJSON(b []byte) error {
	v, err := parseJSON(b)
	if err != nil {
		return err
	}
	var lists map[string][]string
	if err := json.Unmarshal(b, &lists); err != nil {
		return err
	}
	for _, f := range v.(Struct) {
		*o = append(*o, split{f.Name, lists[f.Name]})
	}
	return nil
}
