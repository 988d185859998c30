package filter

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/easel-go/easel/dataset"
)

// tracedRun runs a recipe with traces and returns them by name.
func tracedRun(t *testing.T, config string) (map[string]string, error) {
	t.Helper()
	rec, err := ParseRecipe(strings.NewReader(config + "\nopen_tracer: true\nwork_dir: work\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rec.Run(t.Context()); err != nil {
		return nil, err
	}
	files := map[string]string{}
	for name, err := range walk(os.DirFS("work/trace")) {
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join("work/trace", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(b)
	}
	return files, os.RemoveAll("work")
}

func walk(fsys fs.FS) func(func(string, error) bool) {
	return func(yield func(string, error) bool) {
		entries, err := fs.ReadDir(fsys, ".")
		if err != nil {
			yield("", err)
		}
		for _, e := range entries {
			if !yield(e.Name(), nil) {
				return
			}
		}
	}
}

// repetitive writes texts that are equal, nearly equal, and share lines.
func repetitive(t *testing.T) {
	t.Chdir(t.TempDir())
	var b []byte
	for i := range 80 {
		text := fmt.Sprintf("unique text number %d about a subject of %d words that fill it up", i, i*7)
		switch {
		case i%9 == 8:
			text = fmt.Sprintf("unique text number %d about a subject of %d words that fill it up", i-1, (i-1)*7)
		case i%4 == 0:
			text += "\nall rights reserved by the owner of this page"
		case i%5 == 0:
			text += "\nsubscribe to the newsletter, it is free"
		case i%7 == 0:
			text = "\u00a0" + text
		}
		b = append(dataset.AppendJSON(b, dataset.Struct{{Name: "text", Value: text}, {Name: "n", Value: int64(i)}}), '\n')
	}
	if err := os.WriteFile("rows.jsonl", b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestTracesOfBothModes checks that the default mode traces what strict mode does, whose
// files are Data-Juicer's.
func TestTracesOfBothModes(t *testing.T) {
	repetitive(t)
	const config = "dataset_path: rows.jsonl\nexport_path: out/r.jsonl\nnp: 1\nprocess: [whitespace_normalization_mapper: , document_deduplicator: , " +
		"document_minhash_deduplicator: {window_size: 3, jaccard_threshold: 0.6}, text_length_filter: {max_len: 72}, random_selector: {select_num: 10}]"
	easy, err := tracedRun(t, config)
	if err != nil {
		t.Fatal(err)
	}
	strict, err := tracedRun(t, config+"\ncompat: strict")
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(easy, strict) {
		t.Errorf("traces %q, want %q", easy, strict)
	}
	want := []string{"duplicate-document_deduplicator.jsonl", "duplicate-document_minhash_deduplicator.jsonl", "sample_trace-text_length_filter.jsonl", "sample_trace-whitespace_normalization_mapper.jsonl"}
	if have := slices.Sorted(maps.Keys(easy)); !slices.Equal(have, want) {
		t.Errorf("traces of %v, want %v", have, want)
	}
}

// TestTracedLines checks the pairs of texts with a line in common: the most frequent lines
// first, the texts as they were. Data-Juicer 1.6.1 ends with an IndexError instead.
func TestTracedLines(t *testing.T) {
	repetitive(t)
	const config = "dataset_path: rows.jsonl\nexport_path: out/r.jsonl\nprocess: [document_line_deduplicator: {frequency_threshold: 4}]"
	have, err := tracedRun(t, config)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"dup1":"unique text number 0 about a subject of 0 words that fill it up\nall rights reserved by the owner of this page","dup2":"unique text number 4 about a subject of 28 words that fill it up\nall rights reserved by the owner of this page"}
{"dup1":"unique text number 5 about a subject of 35 words that fill it up\nsubscribe to the newsletter, it is free","dup2":"unique text number 10 about a subject of 70 words that fill it up\nsubscribe to the newsletter, it is free"}
`
	if len(have) != 1 || have["duplicate-document_line_deduplicator.jsonl"] != want {
		t.Errorf("traces %q, want %q", have, want)
	}
	if _, err := tracedRun(t, config+"\ncompat: strict"); Exception(err) != "IndexError" || ExitCode(err) != 1 {
		t.Errorf("strict mode: error %v, want Data-Juicer's", err)
	}
}
