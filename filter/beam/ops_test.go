package beam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/easel-go/easel/filter"
	_ "github.com/easel-go/easel/filter/chinese"
	"github.com/easel-go/easel/filter/filtertest"
	"github.com/easel-go/easel/internal/golden"
)

// TestGoldenOps runs the tables of ops, on Prism and locally: their rows as JSON lines,
// each set of parameters as a recipe of one op.
func TestGoldenOps(t *testing.T) {
	dir := golden.Part(t, "datajuicer/ops")
	for _, path := range golden.Glob(t, dir, "*.json") {
		table := golden.JSON[filtertest.Table](t, path)
		for i, set := range table.Sets {
			if testing.Short() && i > 0 {
				break
			}
			t.Run(fmt.Sprintf("%s/%d", table.Op, i), func(t *testing.T) {
				if bytes.Contains(set.Params, []byte("@MODELS@")) && table.Op != "token_num_filter" {
					t.Skipf("Skipped: %s needs models, which pipelines do not have", table.Op)
				}
				if set.Error != nil {
					t.Skip("Skipped: the run ends with an error")
				}
				t.Chdir(t.TempDir())
				compare(t, recipeOf(t, dir, table, set))
			})
		}
	}
}

func recipeOf(t *testing.T, dir string, table filtertest.Table, set filtertest.Set) []byte {
	var rows bytes.Buffer
	for _, raw := range table.Rows {
		var line bytes.Buffer
		if err := json.Compact(&line, filtertest.Expand(dir, raw)); err != nil {
			t.Fatal(err)
		}
		rows.Write(append(line.Bytes(), '\n'))
	}
	if err := os.WriteFile("rows.jsonl", rows.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	recipe := fmt.Sprintf("dataset_path: rows.jsonl\nexport_path: out/result.jsonl\nimage_key: image\nkeep_stats_in_res_ds: true\nprocess:\n  - %s: %s\n",
		table.Op, filtertest.Expand(dir, set.Params))
	if _, err := filter.ParseRecipe(strings.NewReader(recipe)); err != nil {
		t.Fatal(err)
	}
	return []byte(recipe)
}
