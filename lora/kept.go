package lora

import (
	"os"
	"path/filepath"
	"slices"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/weights"
)

// arrays are named arrays of numbers.
type arrays map[string]array

type array struct {
	shape tensor.Shape
	v     []float32
}

func (a arrays) bytes() (n int) {
	for _, x := range a {
		n += 4 * len(x.v)
	}
	return n
}

// kept holds what was computed once: the last 256 MB in memory, and files named by
// their content's hash.
type kept struct {
	dir    string // "" for memory alone
	memory map[string]arrays
	order  []string
	bytes  int
}

const keptInMemory = 256 << 20

func newKept(dir string) *kept { return &kept{dir: dir, memory: map[string]arrays{}} }

// get returns what key stands for, made by compute if it is not there. A file that
// cannot be read is made anew.
func (k *kept) get(key string, onDisk bool, compute func() (arrays, error)) (arrays, error) {
	if a, ok := k.memory[key]; ok {
		return a, nil
	}
	onDisk = onDisk && k.dir != ""
	path := filepath.Join(k.dir, key[:2], key+".safetensors")
	if onDisk {
		if a, err := readArrays(path); err == nil {
			k.remember(key, a)
			return a, nil
		}
	}
	a, err := compute()
	if err != nil {
		return nil, err
	}
	k.remember(key, a)
	if onDisk {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return nil, &fault.Error{Op: "lora", Where: path, Err: err}
		}
		return a, weights.SaveSafetensors(path, a.tensors(), nil)
	}
	return a, nil
}

func (k *kept) remember(key string, a arrays) {
	k.memory[key] = a
	k.order = append(k.order, key)
	for k.bytes += a.bytes(); k.bytes > keptInMemory && len(k.order) > 1; k.order = k.order[1:] {
		k.bytes -= k.memory[k.order[0]].bytes()
		delete(k.memory, k.order[0])
	}
}

func (a arrays) tensors() map[string]*tensor.Dense {
	m := map[string]*tensor.Dense{}
	for name, x := range a {
		m[name] = dense(x.shape, x.v)
	}
	return m
}

// readArrays reads a file of float32 arrays.
func readArrays(path string) (arrays, error) {
	src, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	a := arrays{}
	for _, name := range src.Names() {
		t, err := src.Tensor(name)
		if err != nil {
			return nil, err
		}
		v, ok := t.Data().([]float32)
		if !ok {
			return nil, &fault.Error{Kind: fault.Invalid, Op: "lora", Where: path, What: "tensor " + name, Have: "of type " + t.Dtype().String(), Want: "float32"}
		}
		a[name] = array{t.Shape().Clone(), slices.Clone(v)}
	}
	return a, nil
}
