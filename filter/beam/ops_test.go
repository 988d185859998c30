package beam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/easel-go/easel/clip"
	"github.com/easel-go/easel/filter"
	_ "github.com/easel-go/easel/filter/chinese"
	"github.com/easel-go/easel/filter/filtertest"
	"github.com/easel-go/easel/internal/golden"
)

func init() {
	RegisterModels("clip", func() (filter.Models, error) { return &clip.Models{}, nil })
}

// TestGoldenOps runs the tables of ops, on Prism and locally: their rows as JSON lines,
// each set of parameters as a recipe of one op, those of a table in one pipeline. The first
// set of each is run in strict mode as well.
func TestGoldenOps(t *testing.T) {
	dir := golden.Part(t, "datajuicer/ops")
	for _, path := range golden.Glob(t, dir, "*.json") {
		table := golden.JSON[filtertest.Table](t, path)
		t.Run(table.Op, func(t *testing.T) {
			t.Chdir(t.TempDir())
			var recipes []recipe
			for i, set := range table.Sets {
				if set.Error != nil || testing.Short() && i > 0 {
					continue // Data-Juicer's run ends with an error
				}
				r := opRecipe(t, dir, table, set).with("--export_path", fmt.Sprintf("out/%d/result.jsonl", i))
				if recipes = append(recipes, r); i == 0 {
					recipes = append(recipes, r.with("--compat", "strict", "--export_path", "strict/result.jsonl"))
				}
			}
			if len(recipes) > 0 {
				local(t, []Option{Models("clip"), CPUs(4)}, recipes...)
			}
		})
	}
}

func opRecipe(t *testing.T, dir string, table filtertest.Table, set filtertest.Set) recipe {
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
	return recipe{yaml: fmt.Appendf(nil, "dataset_path: rows.jsonl\nexport_path: out/result.jsonl\nimage_key: image\nkeep_stats_in_res_ds: true\nprocess:\n  - %s: %s\n",
		table.Op, filtertest.Expand(dir, set.Params))}
}
