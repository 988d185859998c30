package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTrain takes a few steps on the embedded pictures, goes on from a checkpoint, and
// converts what came out.
func TestTrain(t *testing.T) {
	out := t.TempDir()
	var w bytes.Buffer
	args := []string{"-q", "-out", out, "-steps", "4", "-batch", "1", "-rank", "2", "-alpha", "2", "-save-every", "2"}
	if err := run(t.Context(), args, &w); err != nil {
		t.Fatal(err)
	}
	t.Log(w.String())
	if !strings.Contains(w.String(), "54") {
		t.Error("the recipe keeps 54 pictures of 64")
	}
	for _, name := range []string{"loss.png", "before_after.png", "style.safetensors", "lightning_logs/version_0/checkpoints/epoch=0-step=4.ckpt"} {
		if info, err := os.Stat(filepath.Join(out, filepath.FromSlash(name))); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	resume := filepath.Join(out, "lightning_logs", "version_0", "checkpoints", "epoch=0-step=2.ckpt")
	if err := run(t.Context(), append(args, "-resume", resume), &w); err != nil {
		t.Fatal(err)
	}
	w.Reset()
	err := run(t.Context(), []string{"-convert", filepath.Join(out, "style.safetensors"), "-to", "kohya", "-o", filepath.Join(out, "k.safetensors")}, &w)
	if err == nil || !strings.Contains(err.Error(), "none of SD 1.x, SDXL and Kolors") {
		t.Errorf("%v, want the advice to name the model", err)
	}
}
