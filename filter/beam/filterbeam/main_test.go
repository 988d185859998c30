package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
)

func TestMain(m *testing.M) {
	flag.Parse()
	beam.Init()
	os.Exit(m.Run())
}

// set sets flags for a test.
func set(t *testing.T, flags map[string]string) {
	for name, value := range flags {
		old := flag.Lookup(name).Value.String()
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { flag.Set(name, old) })
	}
}

func job(t *testing.T) (dir string) {
	dir = t.TempDir()
	t.Setenv("TMPDIR", dir)
	data := "{\"text\": \"a\"}\n{\"text\": \"a longer text\"}\n"
	for name, text := range map[string]string{"data.jsonl": data, "recipe.yaml": "dataset_path: " + dir + "/data.jsonl\nexport_path: " + dir + "/out/result.jsonl\nprocess:\n  - text_length_filter: {min_len: 99}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	set(t, map[string]string{"config": filepath.Join(dir, "recipe.yaml"), "shards": "2"})
	return dir
}

func TestRun(t *testing.T) {
	dir := job(t)
	if err := run(t.Context(), []string{"--text_length_filter.min_len", "5"}); err != nil {
		t.Fatal(err)
	}
	var all string
	for _, shard := range []string{"00000", "00001"} {
		b, err := os.ReadFile(filepath.Join(dir, "out", "result-"+shard+"-of-00002.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		all += string(b)
	}
	if want := "{\"text\": \"a longer text\"}\n"; all != want {
		t.Errorf("%q, want %q", all, want)
	}
}

// TestRunnerFlag sees that Beam's flags reach it: the dot runner draws the pipeline, and
// others look for their services.
func TestRunnerFlag(t *testing.T) {
	dir := job(t)
	dot := filepath.Join(dir, "pipeline.dot")
	set(t, map[string]string{"runner": "dot", "dot_file": dot})
	if err := run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(dot); err != nil || !strings.Contains(string(b), "beam.stepsFn") {
		t.Errorf("%v, %s", err, b)
	}
	for runner, want := range map[string]string{"flink": "endpoint", "spark": "endpoint", "dataflow": "project"} {
		set(t, map[string]string{"runner": runner, "endpoint": ""}) // Prism leaves its own there
		if err := run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error about %s", runner, err, want)
		}
	}
}
