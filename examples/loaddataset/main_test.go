package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/easel-go/easel/dataset"
)

// TestTiny shows, draws and exports the pictures of examples/tiny in every form.
func TestTiny(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "lora_dataset", "train")
	for _, args := range [][]string{
		{"-quiet", "-sheet", filepath.Join(dir, "sheet.png"), "-out", folder, "-caption", "二次元"},
		{"-quiet", "-out", filepath.Join(dir, "a.parquet"), folder},
		{"-quiet", "-out", filepath.Join(dir, "a.jsonl"), folder},
		{"-quiet", "-out", filepath.Join(dir, "a.csv"), folder},
		{"-quiet", "-out", filepath.Join(dir, "tars", "train-%06d.tar"), folder},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), args, &out); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, &out)
		}
		if !strings.Contains(out.String(), "pictures from") {
			t.Errorf("%q says %q", args, &out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "sheet.png")); err != nil {
		t.Error(err)
	}
	want := 0
	for _, name := range []string{"lora_dataset", "a.parquet", "a.jsonl", "tars"} {
		d, err := dataset.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if want == 0 {
			want = d.Len()
		}
		if d.Len() != want || want < 50 {
			t.Errorf("%s has %d samples, want %d", name, d.Len(), want)
		}
		for s, err := range d.All(t.Context()) {
			if err != nil || s.Text() != "二次元" || len(s.Images()) != 1 {
				t.Fatalf("%s: %v %v %d pictures", s.ID, err, s.Text(), len(s.Images()))
			}
			if _, err := s.Images()[0].Decode(); err != nil {
				t.Error(err)
			}
		}
		d.Close()
	}
}
