package filter

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestKeyTwice: the last of a key's values counts, as in PyYAML, and the report names
// the others. What << brings gives way without a word.
func TestKeyTwice(t *testing.T) {
	rec, err := ParseRecipe(strings.NewReader(`dataset_path: a.jsonl
np: 2
process:
  - text_length_filter: &a
      min_len: 1
      min_len: 3
  - text_length_filter:
      <<: *a
      min_len: 4
np: 3
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"min_len of line 5 (given again in line 6)", "np of line 2 (given again in line 10)"}
	if rec.Workers != 3 || !slices.Equal(rec.Ignored, want) {
		t.Errorf("np %d, ignored %q, want 3, %q", rec.Workers, rec.Ignored, want)
	}
	for i, min := range []int{3, 4} {
		if f := rec.Steps[i].Op.(*textLength); f.Min != min {
			t.Errorf("step %d: min_len %d, want %d", i, f.Min, min)
		}
	}
}

// TestFolderOrder: files of one suffix come together, as in Data-Juicer 1.6.1's
// find_files_with_suffix.
func TestFolderOrder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.json", "a.jsonl", "c/d.JSONL", "e.json"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(`{"text": "`+name+`"}`+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	rec := &Recipe{DatasetPath: dir, TextKeys: []string{"text"}}
	s, err := rec.open()
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	var have []string
	for sample, err := range s.samples(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		have = append(have, sample.Text())
	}
	if want := []string{"a.jsonl", "c/d.JSONL", "b.json", "e.json"}; !slices.Equal(have, want) {
		t.Errorf("read %q, want %q", have, want)
	}
}

// TestNullBounds: null for a filter's bound is none, as get_keep_boolean of Data-Juicer
// 1.6.1 has it.
func TestNullBounds(t *testing.T) {
	rec, err := ParseRecipe(strings.NewReader("dataset_path: a.jsonl\nprocess: [text_length_filter: {min_len: null}, image_aspect_ratio_filter: {max_ratio: ~}]"))
	if err != nil {
		t.Fatal(err)
	}
	text, ratio := rec.Steps[0].Op.(bounded).Bounds()[0], rec.Steps[1].Op.(bounded).Bounds()[0]
	if !text.Holds(0) || !ratio.Holds(1e9) || ratio.Holds(0.1) {
		t.Errorf("bounds %v and %v", text, ratio)
	}
}
