package clip

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/hub"
	"github.com/easel-go/easel/internal/weights"
)

// files reads the files of a model, from the operating system where fsys is nil.
type files struct{ fsys fs.FS }

// find turns what a user calls a model into a path: itself if it is there, else the
// folder of a name on a hub, as far as it is in the cache.
func (f files) find(name string) (at string, folder bool, err error) {
	info, err := f.stat(name)
	if err == nil {
		return name, info.IsDir(), nil
	}
	if f.fsys != nil || !errors.Is(err, fs.ErrNotExist) {
		return "", false, &fault.Error{Kind: fault.Missing, Op: "clip", Where: name, What: "model", Have: "is not there", Err: err}
	}
	repo, perr := hub.ParseName(name, hub.HuggingFace)
	if perr != nil {
		return "", false, &fault.Error{Kind: fault.Missing, Op: "clip", Where: name, What: "model", Have: "is not there", Want: "a folder, a file, or a name on a hub", Err: err}
	}
	dir, err := new(hub.Client).Cached(hub.Request{Repo: repo})
	if err != nil {
		return "", false, &fault.Error{Kind: fault.Missing, Op: "clip", Where: name, What: "model", Have: "is no path, and not in the cache",
			Want: "clip.Fetch(ctx, \"" + name + "\") first", Err: err}
	}
	return dir, true, nil
}

func (f files) stat(name string) (fs.FileInfo, error) {
	if f.fsys == nil {
		return os.Stat(name)
	}
	return fs.Stat(f.fsys, name)
}

func (f files) has(name string) bool {
	_, err := f.stat(name)
	return err == nil
}

// maxConfig bounds the size of a JSON file.
const maxConfig = 4 << 20

// read returns a JSON file.
func (f files) read(name string) ([]byte, error) {
	info, err := f.stat(name)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Missing, Op: "clip", Where: name, Err: err}
	}
	if info.Size() > maxConfig {
		return nil, fault.Newf(fault.Limit, "clip", "%s: %d bytes, want at most %d", name, info.Size(), maxConfig)
	}
	var b []byte
	if f.fsys == nil {
		b, err = os.ReadFile(name)
	} else {
		b, err = fs.ReadFile(f.fsys, name)
	}
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Op: "clip", Where: name, Err: err}
	}
	return b, nil
}

func (f files) sub(dir string) (fs.FS, error) {
	if f.fsys == nil {
		return os.DirFS(dir), nil
	}
	return fs.Sub(f.fsys, dir)
}

func (f files) join(dir, name string) string {
	if f.fsys == nil {
		return filepath.Join(dir, name)
	}
	return path.Join(dir, name)
}

func (f files) dir(name string) string {
	if f.fsys == nil {
		return filepath.Dir(name)
	}
	return path.Dir(name)
}

// weights opens the weights of a folder, or a file: the plain ones, or those of fp16
// where there are no others. open_clip's folders have names of their own.
func (f files) weights(at, variant string) (*weights.Source, error) {
	var opts []weights.Option
	if f.fsys != nil {
		opts = append(opts, weights.WithFS(f.fsys))
	}
	if variant != "" {
		return weights.Open(at, append(opts, weights.WithVariant(variant))...)
	}
	src, err := weights.Open(at, opts...)
	if !errors.Is(err, fault.Missing) {
		return src, err
	}
	if src, e := weights.Open(at, append(opts, weights.WithVariant("fp16"))...); e == nil {
		return src, nil
	}
	for _, name := range openCLIPWeights {
		if name = f.join(at, name); f.has(name) {
			return weights.Open(name, opts...)
		}
	}
	return nil, err
}

var openCLIPWeights = []string{"open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin"}

// part returns one network of a checkpoint, under transformers' names.
func part(src *weights.Source, want weights.Part, title string) (*weights.Source, error) {
	cp, err := weights.Identify(src)
	if err != nil {
		return nil, err
	}
	return cp.Part(want, "clip", src.Path(), title)
}
