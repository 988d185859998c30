package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/easel-go/easel/examples/tiny"
	"github.com/easel-go/easel/filter"
)

func inTiny(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, tiny.FS()); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
}

func TestRun(t *testing.T) {
	inTiny(t)
	var out bytes.Buffer
	args := []string{"--config", "recipe.yaml", "--image_shape_filter.min_width", "100", "--export_path=out/x.jsonl", "--report", "page.html"}
	if err := run(context.Background(), args, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "64 samples read") || !strings.Contains(out.String(), "min_width 100") {
		t.Errorf("the report says\n%s", &out)
	}
	for _, name := range []string{"out/x.jsonl", "out/x_stats.jsonl", "out/rejects.jsonl", "page.html"} {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
}

func TestExitCodes(t *testing.T) {
	inTiny(t)
	for _, c := range []struct {
		args string
		want int
	}{
		{"--np 1", 2}, {"--config", 2}, {"--config nowhere.yaml", 2}, {"--config recipe.yaml --nope 1", 2}, {"--config recipe.yaml --np 0", 2},
		{"--config recipe.yaml --image_shape_filter.any_or_all some", 1}, {"--config recipe.yaml --dataset_path nowhere.jsonl", 1},
		{"--config recipe.yaml --analyze", 0},
	} {
		err := run(context.Background(), strings.Fields(c.args), io.Discard, io.Discard)
		if have := filter.ExitCode(err); have != c.want {
			t.Errorf("%s: exit code %d (%v), want %d", c.args, have, err, c.want)
		}
	}
}
