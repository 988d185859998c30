package weights

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/easel-go/easel/internal/fault"
)

// Option changes how [Open] looks for files.
type Option func(*opener) error

// WithFS takes files from fsys instead of the operating system. Files of an
// embedded file system are copied to memory once; those of os.DirFS are mapped.
func WithFS(fsys fs.FS) Option {
	return func(o *opener) error {
		if fsys == nil {
			return &fault.Error{Kind: fault.Invalid, Op: "weights", What: "file system", Have: "nil", Want: "one"}
		}
		o.fsys = fsys
		return nil
	}
}

// WithVariant takes, in a folder, the files of a variant ("fp16": those named
// model.fp16.safetensors) instead of the plain ones. A folder without them is an
// error: nothing else is taken in their place.
func WithVariant(name string) Option {
	return func(o *opener) error {
		if strings.ContainsAny(name, `/\`) {
			return &fault.Error{Kind: fault.Invalid, Op: "weights", What: "variant", Have: clip(name), Want: "a word such as fp16"}
		}
		o.variant = name
		return nil
	}
}

// Open opens a checkpoint: a safetensors or torch file, whatever its name; the index
// of one that is split into several (….index.json); or a folder that holds either
// under one of the names that diffusers and transformers use.
//
// Close it when the tensors are not needed any more. Errors are *fault.Error:
// Missing, Truncated, Unsupported, Limit, Invalid, Shape.
func Open(path string, options ...Option) (*Source, error) {
	o := &opener{}
	for _, option := range options {
		if err := option(o); err != nil {
			return nil, err
		}
	}
	info, err := o.stat(path)
	if err != nil {
		return nil, failure(path, err)
	}
	if info.IsDir() {
		if path, err = o.find(path); err != nil {
			return nil, err
		}
	}
	if strings.HasSuffix(path, ".json") {
		return o.shards(path)
	}
	return o.file(path)
}

// opener is where files come from: the operating system, or fsys.
type opener struct {
	fsys    fs.FS
	variant string
}

func (o *opener) stat(name string) (fs.FileInfo, error) {
	if o.fsys == nil {
		return os.Stat(name)
	}
	return fs.Stat(o.fsys, name)
}

func (o *opener) open(name string) (fs.File, error) {
	if o.fsys == nil {
		return os.Open(name)
	}
	return o.fsys.Open(name)
}

func (o *opener) join(dir, name string) string {
	if o.fsys == nil {
		return filepath.Join(dir, name)
	}
	return path.Join(dir, name)
}

func (o *opener) dir(name string) string {
	if o.fsys == nil {
		return filepath.Dir(name)
	}
	return path.Dir(name)
}

// bases are the names, without endings, of the weights in a folder that diffusers
// (the first) or transformers (the others) wrote.
var bases = []string{"diffusion_pytorch_model", "model", "pytorch_model"}

// candidates lists the files a folder may hold, the preferred first: safetensors
// before torch, one file before several.
func candidates(variant string) []string {
	v := variant
	if v != "" {
		v = "." + v
	}
	var names []string
	for _, ending := range []string{".safetensors", ".bin"} {
		for _, base := range bases {
			names = append(names, base+v+ending, base+ending+".index"+v+".json")
		}
	}
	return names
}

// find returns the file in dir that holds its weights.
func (o *opener) find(dir string) (string, error) {
	for _, name := range candidates(o.variant) {
		p := o.join(dir, name)
		if info, err := o.stat(p); err == nil && !info.IsDir() {
			return p, nil
		}
	}
	want := "one of " + strings.Join(candidates(o.variant)[:4], ", ") + ", …"
	return "", &fault.Error{Kind: fault.Missing, Op: "weights", Where: dir, What: "weights", Have: "files " + o.list(dir), Want: want}
}

// list names what lies in dir, for a message.
func (o *opener) list(dir string) string {
	var entries []fs.DirEntry
	if o.fsys == nil {
		entries, _ = os.ReadDir(dir)
	} else {
		entries, _ = fs.ReadDir(o.fsys, dir)
	}
	const most = 8
	var names []string
	for _, e := range entries[:min(len(entries), most)] {
		names = append(names, e.Name())
	}
	if len(entries) > most {
		names = append(names, "…")
	}
	return cmp.Or(strings.Join(names, ", "), "none")
}

// load maps or reads a file.
func (o *opener) load(name string) (*mapping, error) {
	f, err := o.open(name)
	if err != nil {
		return nil, failure(name, err)
	}
	defer f.Close()
	m, err := load(f)
	if err != nil {
		return nil, failure(name, err)
	}
	return m, nil
}

// file opens one file of either kind.
func (o *opener) file(name string) (*Source, error) {
	m, err := o.load(name)
	if err != nil {
		return nil, err
	}
	s, err := parse(name, m)
	if err != nil {
		m.close()
		return nil, err
	}
	return s, nil
}

// parse reads a file as what its first bytes say it is.
func parse(name string, m *mapping) (*Source, error) {
	b := m.data
	switch {
	case len(b) > 8 && b[8] == '{' || strings.HasSuffix(name, ".safetensors") && what(b) == "":
		return readSafetensors(name, m)
	case bytes.HasPrefix(b, []byte("PK\x03\x04")):
		return readTorchZip(name, m)
	case len(b) > 0 && b[0] == 0x80:
		return readTorchLegacy(name, m)
	}
	return nil, &fault.Error{Kind: fault.Unsupported, Op: "weights", Where: name, What: "the file",
		Have: cmp.Or(what(b), "begins with "+fmt.Sprintf("%q", b[:min(len(b), 8)])), Want: "a safetensors or torch file"}
}

// what names things that are often found in the place of a checkpoint.
func what(b []byte) string {
	for _, c := range []struct{ prefix, what string }{
		{"version https://git-lfs", "is a Git LFS pointer: its content was not downloaded"},
		{"<!DOCTYPE", "is a web page: the download failed"},
		{"<html", "is a web page: the download failed"},
		{"GGUF", "is a GGUF model"},
		{"PK\x03\x04", "is a zip archive"},
		{"\x80", "is a pickle"},
	} {
		if bytes.HasPrefix(b, []byte(c.prefix)) {
			return c.what
		}
	}
	if len(b) > 262 && string(b[257:262]) == "ustar" {
		return "is a tar archive, as PyTorch before 0.1.10 wrote them"
	}
	if len(b) == 0 {
		return "is empty"
	}
	return ""
}

// failure wraps an error of the file system, or adds the file's name to one of ours.
func failure(name string, err error) error {
	if own, ok := err.(*fault.Error); ok {
		e := *own
		e.Op, e.Where = "weights", name
		return &e
	}
	e := &fault.Error{Op: "weights", Where: name, Err: err}
	if errors.Is(err, fs.ErrNotExist) {
		e.Kind = fault.Missing
	}
	return e
}
