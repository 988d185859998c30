package weights

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/weights/pickle"
)

// sameTensors checks that two Sources hold the same.
func sameTensors(t *testing.T, what string, have, want *Source, name func(string) string) {
	t.Helper()
	if have.Len() != want.Len() {
		t.Errorf("%s: %d tensors, want %d", what, have.Len(), want.Len())
	}
	for _, n := range want.Names() {
		w, _ := want.Info(n)
		h, ok := have.Info(name(n))
		if !ok || h.Dtype != w.Dtype || !slices.Equal(h.Shape, w.Shape) {
			t.Errorf("%s: %q is %v, want %v", what, n, h, w)
			continue
		}
		hb, err := have.Bytes(name(n))
		wb, err2 := want.Bytes(n)
		if err := errors.Join(err, err2); err != nil || !bytes.Equal(hb, wb) {
			t.Errorf("%s: %q has other bytes (%v)", what, n, err)
		}
	}
}

// TestGoldenSaveAgain: what good files hold comes back from files that we wrote.
func TestGoldenSaveAgain(t *testing.T) {
	dir := t.TempDir()
	paths := append(golden.Glob(t, golden.Part(t, "checkpoint/safetensors"), "good/*.safetensors"),
		golden.Glob(t, golden.Part(t, "checkpoint/torch"), "*.*")...)
	for _, path := range paths {
		src, err := Open(path)
		if err != nil {
			continue
		}
		defer src.Close()
		tensors := map[string]*tensor.Dense{}
		tree := &pickle.Dict{}
		for _, name := range src.Names() {
			if tensors[name], err = src.Tensor(name); err != nil {
				t.Fatal(err)
			}
			tree.Set(name, tensors[name])
		}
		out := filepath.Join(dir, filepath.Base(path))
		err = SaveSafetensors(out, tensors, src.Metadata())
		if errors.Is(err, fault.Unsupported) {
			t.Logf("%s: %v", filepath.Base(path), err)
		} else if err != nil {
			t.Errorf("%s: %v", path, err)
		} else {
			again := mustOpen(t, out)
			sameTensors(t, out, again, src, func(n string) string { return n })
			for k, v := range src.Metadata() {
				if again.Metadata()[k] != v {
					t.Errorf("%s: metadata %s = %q, want %q", out, k, again.Metadata()[k], v)
				}
			}
		}
		out += ".ckpt"
		if err := SaveTorch(out, &pickle.Dict{Keys: []any{"epoch", "state_dict"}, Values: []any{3, tree}}); err != nil {
			t.Errorf("%s: %v", path, err)
		} else if src.Len() > 0 {
			sameTensors(t, out, mustOpen(t, out), src, func(n string) string { return "state_dict." + n })
		}
	}
}

func mustOpen(t *testing.T, path string, options ...Option) *Source {
	t.Helper()
	src, err := Open(path, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

func TestSaveTorchObject(t *testing.T) {
	w := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 2, 3, 4}))
	path := filepath.Join(t.TempDir(), "step.ckpt")
	object := &pickle.Dict{}
	object.Set("state_dict", &pickle.Dict{Keys: []any{"a", "b"}, Values: []any{w, w}})
	object.Set("lr", 1e-4)
	object.Set("list", &pickle.List{Items: []any{nil, true, "école", int64(1) << 40, &pickle.Tuple{Items: []any{-1}}}})
	if err := SaveTorch(path, object); err != nil {
		t.Fatal(err)
	}
	src := mustOpen(t, path)
	golden.Equal(t, "names", src.Names(), []string{"state_dict.a", "state_dict.b"})
	root := src.Object().(*pickle.Dict)
	if root.Get("lr") != 1e-4 {
		t.Errorf("lr = %v", root.Get("lr"))
	}
	items := root.Get("list").(*pickle.List).Items
	if items[2] != "école" || items[3] != int64(1)<<40 || items[4].(*pickle.Tuple).Items[0] != int64(-1) {
		t.Errorf("list = %v", items)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 1500 {
		t.Errorf("%v: a tensor that stands there twice is written once", info.Size())
	}
	b, err := src.Bytes("state_dict.a")
	if err != nil || !slices.Equal(b, native(b, 4)) || &b[0] != &native(b, 4)[0] {
		t.Errorf("storages must be aligned (%v)", err)
	}
}

// TestSaveLeavesNothing: a failed write leaves neither half a file nor a temporary
// one, and keeps what was there.
func TestSaveLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.safetensors")
	if err := os.WriteFile(path, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	view, err := tensor.New(tensor.WithShape(3, 3), tensor.WithBacking(make([]float32, 9))).Slice(nil, tensor.S(1))
	if err != nil {
		t.Fatal(err)
	}
	column := view.(*tensor.Dense)
	for what, err := range map[string]error{
		"view":   SaveSafetensors(path, map[string]*tensor.Dense{"v": column}, nil),
		"nil":    SaveSafetensors(path, map[string]*tensor.Dense{"v": nil}, nil),
		"name":   SaveSafetensors(path, map[string]*tensor.Dense{"__metadata__": scalar()}, nil),
		"object": SaveTorch(path, &pickle.Dict{Keys: []any{"x"}, Values: []any{struct{}{}}}),
		"writer": Replace(path, func(w io.Writer) error { w.Write([]byte("half")); return io.ErrShortWrite }),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if b, _ := os.ReadFile(path); string(b) != "before" {
		t.Errorf("the file holds %q now", b)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("%d files, want 1", len(files))
	}
	if err := SaveTorch(filepath.Join(dir, "none", "b.ckpt"), nil); !errors.Is(err, fault.Missing) {
		t.Errorf("no such folder: %v", err)
	}
}

func scalar() *tensor.Dense {
	return tensor.New(tensor.WithShape(), tensor.WithBacking([]engine.F16{0x3c00}))
}

func TestWriteIsDeterministic(t *testing.T) {
	tensors := map[string]*tensor.Dense{}
	for _, name := range []string{"x", "y", "z", "a.alpha"} {
		tensors[name] = scalar()
	}
	meta := map[string]string{"format": "pt", "b": "<&>", "a": "漫画"}
	var first bytes.Buffer
	for range 5 {
		var b bytes.Buffer
		if err := WriteSafetensors(&b, tensors, meta); err != nil {
			t.Fatal(err)
		}
		if first.Len() == 0 {
			first = b
		} else if !bytes.Equal(first.Bytes(), b.Bytes()) {
			t.Fatal("equal input gave other bytes")
		}
	}
}
