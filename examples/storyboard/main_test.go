package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

// quick runs the flow in a folder with little training.
func quick(t *testing.T, dir string, more ...string) error {
	t.Helper()
	return run(t.Context(), append([]string{"-q", "-quick", "-train-steps", "12", "-o", dir}, more...))
}

// TestGoldenStoryboard runs the whole flow and compares the scenes that are painted
// without the LoRA with the reference's.
func TestGoldenStoryboard(t *testing.T) {
	flow := golden.Part(t, "tiny/flow")
	dir := t.TempDir()
	if err := quick(t, dir); err != nil {
		t.Fatal(err)
	}
	for i := range scenes {
		_, _, have := golden.PNG(t, filepath.Join(dir, "scenes", fmt.Sprintf("before_%d.png", i+1)))
		_, _, want := golden.PNG(t, filepath.Join(flow, fmt.Sprintf("quick_%d.png", i)))
		if db, _ := golden.PSNR(have, want); db < 50 {
			t.Errorf("scene %d: %.1f dB, want 50", i+1, db)
		}
		_, _, after := golden.PNG(t, filepath.Join(dir, "scenes", fmt.Sprintf("scene_%d.png", i+1)))
		if db, _ := golden.PSNR(have, after); db > 60 {
			t.Errorf("scene %d: the LoRA changed nothing", i+1)
		}
	}
	checkFiltered(t, dir)
	for _, name := range []string{"sheet.png", "sheet_1024x2048.png", "report.html", "adapter.safetensors", "scores.csv", "filtered/report.html"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil || strings.Count(string(page), "data:image/png") != 2*len(scenes)+1 {
		t.Errorf("report.html has %d pictures, want %d (%v)", strings.Count(string(page), "data:image/png"), 2*len(scenes)+1, err)
	}
	goesOn(t, dir)
}

// checkFiltered compares what went with what the recipe takes out of the pictures.
func checkFiltered(t *testing.T, dir string) {
	var expected map[string]struct {
		Reason  *string `json:"reason"`
		DJ      *string `json:"dj"`
		Decodes bool    `json:"decodes"`
	}
	text, err := os.ReadFile(filepath.Join(dir, "pictures", "expected.json"))
	if err == nil {
		err = json.Unmarshal(text, &expected)
	}
	if err != nil {
		t.Fatal(err)
	}
	var gone []dropped
	text, err = os.ReadFile(filepath.Join(dir, "dropped.json"))
	if err == nil {
		err = json.Unmarshal(text, &gone)
	}
	if err != nil {
		t.Fatal(err)
	}
	ops := map[string]string{}
	for _, d := range gone {
		ops[d.Picture] = d.Op
	}
	for name, e := range expected {
		op, dropped := ops[name]
		switch {
		case (e.DJ != nil) != dropped:
			t.Errorf("%s: dropped %v, want %v", name, dropped, e.DJ != nil)
		case dropped && *e.DJ != "lost" && op != *e.DJ:
			t.Errorf("%s: dropped by %q, want %q", name, op, *e.DJ)
		}
	}
}

// goesOn runs again: finished stages stand, and one whose settings change runs anew
// with those behind it.
func goesOn(t *testing.T, dir string) {
	adapter := filepath.Join(dir, "adapter.safetensors")
	before, err := os.Stat(adapter)
	if err != nil {
		t.Fatal(err)
	}
	if err := quick(t, dir, "-lora-scale", "0.5"); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(adapter)
	if err != nil {
		t.Fatal(err)
	}
	if !before.ModTime().Equal(after.ModTime()) {
		t.Error("the adapter was trained again though only its scale changed")
	}
}

func TestStoryboardErrors(t *testing.T) {
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"no model":  {"-model", filepath.Join(dir, "none")},
		"argument":  {"extra"},
		"no recipe": {"-recipe", filepath.Join(dir, "none.yaml")},
		"no data":   {"-dataset", filepath.Join(dir, "none")},
		"device":    {"-device", "toaster"},
	} {
		if err := quick(t, filepath.Join(dir, "out"), args...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, []string{"-q", "-quick", "-o", filepath.Join(dir, "cancelled")}); err == nil {
		t.Error("a cancelled run ends without an error")
	}
}
