package arrow

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/dataset/internal/cases"
	"github.com/easel-go/easel/internal/golden"
)

// TestGoldenCases reads all layouts, those that need this module among them.
func TestGoldenCases(t *testing.T) { cases.Run(t, "arrow") }

// TestGoldenHostile reads the files that bite of the forms this module reads.
func TestGoldenHostile(t *testing.T) {
	dir := golden.Part(t, "dataset/hostile")
	table := golden.JSON[struct {
		Versions map[string]string `json:"versions"`
		Seed     int               `json:"seed"`
		Limits   map[string]int    `json:"limits"`
		Cases    []struct {
			File      string          `json:"file"`
			Kind      string          `json:"kind"`
			Size      int             `json:"size"`
			Verdict   string          `json:"verdict"`
			Why       string          `json:"why"`
			At        []string        `json:"at"`
			Needs     string          `json:"needs"`
			Names     []string        `json:"names"`
			Rows      *int            `json:"rows"`
			Reference json.RawMessage `json:"reference"`
		} `json:"cases"`
	}](t, filepath.Join(dir, "verdicts.json"))
	for _, c := range table.Cases {
		if c.Needs != "arrow" {
			continue
		}
		file := filepath.Join(dir, c.File)
		if c.Kind == "save_to_disk" {
			file = saved(t, file)
		}
		rows, at, err := read(t, file)
		switch {
		case c.Verdict == "refuse" && (err == nil || !slices.Contains(c.At, at)):
			t.Errorf("%s: refused at %q (%v), want at %q: %s", c.File, at, err, c.At, c.Why)
		case c.Verdict == "accept" && (err != nil || c.Rows != nil && rows != *c.Rows):
			t.Errorf("%s: %d rows, %v, want %v", c.File, rows, err, c.Rows)
		}
		if _, ok := errors.AsType[*dataset.Error](err); err != nil && !ok {
			t.Errorf("%s: %T %v, want a typed error", c.File, err, err)
		}
	}
}

// saved lays a state.json where save_to_disk has it, beside the file that it names
// outside.
func saved(t *testing.T, state string) string {
	dir := filepath.Join(t.TempDir(), "saved")
	os.Mkdir(dir, 0o777)
	b, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "state.json"), b, 0o666)
	os.WriteFile(filepath.Join(dir, "dataset_info.json"), []byte("{}"), 0o666)
	return dir
}

func read(t *testing.T, file string) (rows int, at string, err error) {
	d, err := dataset.Open(file)
	if err != nil {
		return 0, "open", err
	}
	defer d.Close()
	for _, err := range d.All(t.Context()) {
		if err != nil {
			return rows, "row", err
		}
		rows++
	}
	return rows, "", nil
}

// FuzzSource reads files that were damaged in any way.
func FuzzSource(f *testing.F) {
	for _, dir := range []string{"dataset/cases/arrow_file", "dataset/cases/arrow_stream", "dataset/cases/disk_dataset", "dataset/hostile"} {
		files, _ := filepath.Glob(filepath.Join(golden.Part(f, dir), "*.arrow"))
		for _, file := range files {
			f.Add(golden.Bytes(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file := filepath.Join(t.TempDir(), "a.arrow")
		os.WriteFile(file, b, 0o666)
		d, err := dataset.Open(file)
		if err != nil {
			return
		}
		defer d.Close()
		n := 0
		for range d.All(t.Context()) {
			if n++; n > 1000 {
				return
			}
		}
	})
}
