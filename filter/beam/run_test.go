package beam

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/filter"
	"github.com/easel-go/easel/internal/golden"
)

// errorOf builds a pipeline and returns its error.
func errorOf(recipe string, opts ...Option) error {
	_, s := beam.NewPipelineWithRoot()
	return Run(s, []byte(recipe), opts...)
}

func TestErrors(t *testing.T) {
	const head = "dataset_path: x.jsonl\n"
	scores := head + "export_path: o.jsonl\nprocess:\n  - image_text_similarity_filter:\n"
	for name, c := range map[string]struct {
		err  error
		kind dataset.ErrorKind
		text string
	}{
		"unknown op":     {errorOf(head + "process:\n  - no_such_filter:\n"), filter.Invalid, "no_such_filter"},
		"json":           {errorOf(head + "export_path: o.json\n"), filter.Unsupported, "want jsonl or parquet"},
		"no models":      {errorOf(scores), filter.Missing, "image_text_similarity_filter"},
		"unknown models": {errorOf(scores, Models("nosuch")), filter.Missing, "RegisterModels"},
	} {
		e, ok := errors.AsType[*filter.Error](c.err)
		if !ok || e.Kind != c.kind || !strings.Contains(c.err.Error(), c.text) {
			t.Errorf("%s: %v, want an error of kind %v with %q", name, c.err, c.kind, c.text)
		}
	}
	if err := errorOf(scores); !filter.NeedsModels(err) {
		t.Errorf("%v, want NeedsModels", err)
	}
}

// TestParquetPictures reads shards that hold pictures and writes such.
func TestParquetPictures(t *testing.T) {
	img := filepath.Join(golden.Part(t, "datajuicer/e2e"), "img")
	t.Chdir(t.TempDir())
	if err := os.Mkdir("in", 0o777); err != nil {
		t.Fatal(err)
	}
	files := golden.Glob(t, img, "*.jpg")
	cols := []dataset.Column{{Name: "text", Type: dataset.Type{Kind: dataset.String}}, {Name: "pic", Type: dataset.Type{Kind: dataset.Picture}}, {Name: "n", Type: dataset.Type{Kind: dataset.Int64}}}
	for shard := range 3 {
		w, err := dataset.CreateParquet(fmt.Sprintf("in/part-%05d-of-00003.parquet", shard), cols)
		if err != nil {
			t.Fatal(err)
		}
		for i := shard; i < len(files); i += 3 {
			s := &dataset.Sample{Fields: dataset.Struct{{Name: "text", Value: filepath.Base(files[i])}, {Name: "pic", Value: dataset.Image{Path: files[i]}}, {Name: "n", Value: int64(i)}}}
			if err := w.Write(s); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, export := range []string{"out/result.parquet", "lines/result.jsonl"} {
		local(t, nil, recipe{yaml: []byte("dataset_path: in\nexport_path: " + export + "\nimage_key: pic\nprocess:\n  - image_shape_filter: {min_width: 64}\n  - image_deduplicator:\n  - text_length_filter:\n")})
	}
}

// TestEmpty writes every shard of a result without rows.
func TestEmpty(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("x.jsonl", []byte("{\"text\": \"a\", \"n\": 1}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, ext := range []string{".jsonl", ".parquet"} {
		r := recipe{yaml: []byte("dataset_path: x.jsonl\nexport_path: out/r" + ext + "\nprocess:\n  - text_length_filter: {min_len: 9}\n")}
		local(t, nil, r)
		if n := len(glob(t, "out/r-*-of-00003"+ext)); n != 3 {
			t.Errorf("%d shards, want 3", n)
		}
	}
	if left := glob(t, "out/.*"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// TestInputIsSafe refuses shards that would be part of the data the next time.
func TestInputIsSafe(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("r-00001-of-00004.jsonl", []byte("{\"text\": \"a\"}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := errorOf("dataset_path: r-00001-of-00004.jsonl\nexport_path: r.jsonl\n"); err == nil {
		t.Error("no error")
	}
}

// TestManyRows crosses the bounds of batches, with a mapper that makes several of one.
func TestManyRows(t *testing.T) {
	t.Chdir(t.TempDir())
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, "{\"text\": \"%d\\n\\n%d\", \"n\": %d}\n", i, i%700, i)
	}
	if err := os.WriteFile("x.jsonl", []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	yaml := "dataset_path: x.jsonl\nexport_path: out/r.jsonl\nprocess:\n  - text_length_filter: {min_len: 5}\n  - text_chunk_mapper:\n  - document_deduplicator:\n  - text_length_filter: {max_len: 3}\n"
	local(t, nil, recipe{yaml: []byte(yaml)})
}

// TestDamage ends the pipeline with an error and writes nothing.
func TestDamage(t *testing.T) {
	t.Chdir(t.TempDir())
	p, s := beam.NewPipelineWithRoot()
	if err := Run(s, []byte("dataset_path: nosuch.jsonl\nexport_path: out/r.jsonl\n")); err != nil {
		t.Fatal(err)
	}
	if err := ptest.Run(p); err == nil {
		t.Error("no error for data that are not there")
	}
	if left := glob(t, "out/*"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}
