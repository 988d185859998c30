package lora

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/weights"
)

// TestGoldenConvert writes every adapter in every dialect that takes it, reads that
// back, and finds the same changes.
func TestGoldenConvert(t *testing.T) {
	dir := golden.Part(t, "lora")
	count := map[Dialect]int{}
	for _, name := range golden.JSON[index](t, dir+"/index.json").Cases {
		e := golden.JSON[expected](t, dir+"/expected/"+name+".json")
		if e.Weights != nil {
			continue
		}
		b := openModel(t, dir, e.Model, "")
		a := load(t, adapterPath(dir, e.Name, e.Files))
		want := place1(t, b, a)
		for _, d := range []Dialect{Diffusers, PEFT, Kohya, DiffSynth} {
			back, err := converted(t, a, b, d)
			if fault.KindOf(err) == fault.Unsupported {
				continue
			}
			if err != nil {
				t.Fatalf("%s as %s: %v", name, d, err)
			}
			count[d]++
			have := place1(t, openModel(t, dir, e.Model, ""), back)
			for _, p := range want.places {
				q := placeOf(t, have, p.target.String())
				golden.Close(t, fmt.Sprintf("%s as %s: %s", name, d, p.target), deltaOf(t, q), deltaOf(t, p), golden.Tol{Abs: 1e-7, Rel: 1e-6, From: "alpha as float32"})
			}
		}
	}
	t.Log(count)
	for _, d := range []Dialect{Diffusers, PEFT, Kohya, DiffSynth} {
		if count[d] == 0 {
			t.Errorf("nothing was written as %s", d)
		}
	}
}

func converted(t *testing.T, a *Adapter, b *model.Bundle, d Dialect) (*Adapter, error) {
	n, targets, err := a.locateIn(b)
	if err != nil {
		return nil, err
	}
	w := newWriter(a, n, targets)
	path := filepath.Join(t.TempDir(), "adapter")
	if d != PEFT {
		path += map[Dialect]string{Diffusers: ".safetensors", Kohya: ".safetensors", DiffSynth: ".ckpt"}[d]
	}
	if err := w.save(path, d); err != nil {
		return nil, err
	}
	var opts []Option
	if d == DiffSynth {
		opts = append(opts, WithAlpha(a.layers[0].peftAlpha()))
	}
	return Load(path, opts...)
}

// TestSaveRefuses writes where nothing can be written.
func TestSaveRefuses(t *testing.T) {
	dir := golden.Part(t, "lora")
	e := golden.JSON[expected](t, dir+"/expected/"+golden.JSON[index](t, dir+"/index.json").Cases[0]+".json")
	a := load(t, adapterPath(dir, e.Name, e.Files))
	if err := a.Save(filepath.Join(t.TempDir(), "x.safetensors"), Kohya); fault.KindOf(err) != fault.Missing {
		t.Errorf("a model of an unknown size: %v, want Missing", err)
	}
	if err := a.Save("x", "other", For(nil)); err == nil {
		t.Error("an unknown dialect was written")
	}
}

func TestPublishedLayouts(t *testing.T) {
	for _, f := range []string{"sd1", "sdxl", "kolors"} {
		b, err := model.Layout(weights.Family(f))
		if err != nil {
			t.Fatal(err)
		}
		n, err := namesOf(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range n.all {
			if x.part != "unet" {
				continue
			}
			ds, ok := n.unet.Translate(x.name, "diffusers", "diffsynth")
			if !ok || n.find(ds) != x && slices.Contains([]string{"blocks"}, ds[:6]) {
				t.Fatalf("%s: %s is %s in DiffSynth and not found again", f, x.name, ds)
			}
		}
		t.Logf("%s: %d layers", f, len(n.all))
	}
}
