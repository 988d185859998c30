package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/easel-go/easel/clip"
)

func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	var w bytes.Buffer
	if err := run(t.Context(), args, &w); err != nil {
		t.Fatal(err)
	}
	return w.String()
}

// TestRun scores the tiny pictures and looks at all files.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	out := mustRun(t, "-q", "-out", dir, "-search", "夜空")
	for _, want := range []string{"62 pictures scored, 2 could not be", "best:", "worst:", "nearest to"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if n := len(records(t, dir)); n != 65 {
		t.Errorf("%d rows, want a header and 64", n)
	}
	for _, name := range []string{"histogram.png", "sheet.png"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(bytes.NewReader(b)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	x, err := clip.OpenIndex(filepath.Join(dir, "pictures.index"))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if x.Len() != 62 {
		t.Errorf("%d vectors, want 62", x.Len())
	}
}

func records(t *testing.T, dir string) [][]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "scores.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestCancel ends a run early and goes on with it.
func TestCancel(t *testing.T) {
	dir, whole := t.TempDir(), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, []string{"-q", "-out", dir}, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled: %v", err)
	}
	if n := len(records(t, dir)); n != 1 {
		t.Errorf("%d rows after a run that was cancelled at once, want the header", n)
	}
	mustRun(t, "-q", "-out", whole)
	want, err := os.ReadFile(filepath.Join(whole, "scores.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 5, 60, 500, len(want) / 2, len(want) - 1, len(want)} { // as a crash may leave it
		if err := os.WriteFile(filepath.Join(dir, "scores.csv"), want[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		mustRun(t, "-q", "-resume", "-out", dir)
		have, err := os.ReadFile(filepath.Join(dir, "scores.csv"))
		if err != nil || !bytes.Equal(have, want) {
			t.Errorf("resumed after %d bytes: %d bytes that differ from a whole run's %d, %v", n, len(have), len(want), err)
		}
	}
}

// TestResumeIndex adds to the index what only it lacks.
func TestResumeIndex(t *testing.T) {
	dir := t.TempDir()
	mustRun(t, "-q", "-out", dir)
	if err := os.Remove(filepath.Join(dir, "pictures.index")); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "-q", "-resume", "-out", dir)
	x, err := clip.OpenIndex(filepath.Join(dir, "pictures.index"))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if n := len(records(t, dir)); x.Len() != 62 || n != 65 {
		t.Errorf("%d vectors and %d rows, want 62 and 65", x.Len(), n)
	}
}

func TestBadFlags(t *testing.T) {
	dir := t.TempDir()
	table := filepath.Join(dir, "scores.csv")
	if err := os.WriteFile(table, []byte("a,b\n1,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-by", "luck"}, {"-ends", "0"}, {"a", "b"}, {"-model", "no such model"}, {"no such dataset"}, {"-precision", "f8"},
		{"-q", "-resume", "-out", dir}, // another table
	} {
		if err := run(t.Context(), args, &bytes.Buffer{}); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
	if b, _ := os.ReadFile(table); string(b) != "a,b\n1,2\n" {
		t.Errorf("a foreign table became %q", b)
	}
}
