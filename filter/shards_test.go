package filter

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/easel-go/easel/dataset"
)

// TestShards: whatever the format, the shards hold all rows in order, and nothing else
// is left of them.
func TestShards(t *testing.T) {
	dir := t.TempDir()
	var b []byte
	for i := range 50 {
		b = fmt.Appendf(b, `{"text": "sample %d", "n": %d, "list": [1, 2], "none": null}`+"\n", i, i)
	}
	if err := os.WriteFile(filepath.Join(dir, "rows.jsonl"), b, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"jsonl", "json", "parquet"} {
		for _, compat := range []string{"", "compat: strict"} {
			out := filepath.Join(dir, format+strings.TrimPrefix(compat, "compat: "))
			rec, err := ParseRecipe(strings.NewReader(fmt.Sprintf("dataset_path: %s/rows.jsonl\nexport_path: %s/r.%s\nexport_shard_size: 600\nprocess: []\n%s", dir, out, format, compat)))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := rec.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			shards, err := filepath.Glob(out + "/r-*-of-*." + format)
			if err != nil || len(shards) != 4 { // 50 × (4 + 9 + 8 + 4 + 16) bytes
				t.Errorf("%s: shards %v, %v, want 4", out, shards, err)
			}
			var have []string
			for _, s := range shards {
				have = append(have, textsOf(t, s)...)
			}
			want := make([]string, 50)
			for i := range want {
				want[i] = fmt.Sprintf("sample %d", i)
			}
			if !slices.Equal(have, want) {
				t.Errorf("%s: rows %q", out, have)
			}
			if rest, _ := filepath.Glob(out + "/.*"); len(rest) > 0 {
				t.Errorf("%s: %q is left", out, rest)
			}
		}
	}
}

func textsOf(t *testing.T, file string) (texts []string) {
	d, err := dataset.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for s, err := range d.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, s.Text())
	}
	return texts
}
