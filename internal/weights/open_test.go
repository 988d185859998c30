package weights

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/weights/pickle"
)

// file returns a checkpoint whose one tensor has the given name.
func file(t testing.TB, name string, torch bool) []byte {
	t.Helper()
	x := tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, 2}))
	var b bytes.Buffer
	var err error
	if torch {
		err = WriteTorch(&b, &pickle.Dict{Keys: []any{name}, Values: []any{x}})
	} else {
		err = WriteSafetensors(&b, map[string]*tensor.Dense{name: x}, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOpenFolder(t *testing.T) {
	index := `{"metadata":{"total_size":8},"weight_map":{"sharded":"part.safetensors"}}`
	all := map[string]string{ // file → its tensor
		"diffusion_pytorch_model.safetensors":      "unet",
		"diffusion_pytorch_model.fp16.safetensors": "unet fp16",
		"model.safetensors":                        "te",
		"model.fp16.safetensors":                   "te fp16",
		"pytorch_model.bin":                        "te bin",
		"pytorch_model.fp16.bin":                   "te bin fp16",
		"part.safetensors":                         "sharded",
	}
	content := map[string][]byte{
		"model.safetensors.index.json":      []byte(index),
		"model.safetensors.index.fp16.json": []byte(index),
		"pytorch_model.bin.index.json":      []byte(index),
	}
	for name, tensor := range all {
		content[name] = file(t, tensor, strings.HasSuffix(name, ".bin"))
	}
	for _, c := range []struct {
		files, variant, want string
	}{
		{"diffusion_pytorch_model.safetensors diffusion_pytorch_model.fp16.safetensors", "", "unet"},
		{"diffusion_pytorch_model.safetensors diffusion_pytorch_model.fp16.safetensors", "fp16", "unet fp16"},
		{"model.safetensors pytorch_model.bin", "", "te"},
		{"pytorch_model.bin", "", "te bin"},
		{"pytorch_model.bin pytorch_model.fp16.bin", "fp16", "te bin fp16"},
		{"model.safetensors.index.json part.safetensors pytorch_model.bin", "", "sharded"},
		{"model.safetensors.index.fp16.json part.safetensors", "fp16", "sharded"},
		{"pytorch_model.bin.index.json part.safetensors", "", "sharded"},
		{"model.safetensors", "fp16", ""},
		{"model.fp16.safetensors", "", ""},
		{"", "", ""},
	} {
		dir := t.TempDir()
		fsys := fstest.MapFS{"te": {Mode: fs.ModeDir | 0o755}}
		for _, name := range strings.Fields(c.files) {
			if err := os.WriteFile(filepath.Join(dir, name), content[name], 0o644); err != nil {
				t.Fatal(err)
			}
			fsys["te/"+name] = &fstest.MapFile{Data: content[name]}
		}
		for where, open := range map[string]func() (*Source, error){
			"disk": func() (*Source, error) { return Open(dir, WithVariant(c.variant)) },
			"fs":   func() (*Source, error) { return Open("te", WithVariant(c.variant), WithFS(fsys)) },
			"dir":  func() (*Source, error) { return Open(".", WithVariant(c.variant), WithFS(os.DirFS(dir))) },
		} {
			src, err := open()
			if c.want == "" {
				if !errors.Is(err, fault.Missing) {
					t.Errorf("%s, %q of %q: %v, want Missing", where, c.variant, c.files, err)
				}
				continue
			}
			if err != nil || !src.Has(c.want) || src.Len() != 1 {
				t.Errorf("%s, %q of %q: %v, want %s", where, c.variant, c.files, err, c.want)
				continue
			}
			if mapped := src.Mapped() > 0; mapped != (where != "fs") && canMap {
				t.Errorf("%s: mapped %d bytes", where, src.Mapped())
			}
			x, err := src.Tensor(c.want)
			if err != nil || x.Data().([]float32)[1] != 2 {
				t.Errorf("%s: %v (%v)", where, x, err)
			}
			if err := src.Close(); err != nil || src.Mapped() != 0 {
				t.Errorf("%s: closed: %v", where, err)
			}
		}
	}
}

// canMap says whether this system maps files.
var canMap = func() bool {
	f, err := os.Open(os.Args[0])
	if err != nil {
		return false
	}
	defer f.Close()
	_, unmap, err := mapFile(f, 1)
	return err == nil && unmap() == nil
}()

// TestOpenByContent: a file is what its content says, whatever its name.
func TestOpenByContent(t *testing.T) {
	dir := t.TempDir()
	for name, b := range map[string][]byte{
		"a.ckpt": file(t, "x", false), "b.safetensors": file(t, "x", true), "c": file(t, "x", false), "d.bin": file(t, "x", true),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		if src := mustOpen(t, path); !src.Has("x") || src.Path() != path {
			t.Errorf("%s: %q", name, src.Names())
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big.index.json")
	if err := os.WriteFile(big, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, maxIndex+1); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		open func() (*Source, error)
		kind fault.Kind
	}{
		"no file":       {func() (*Source, error) { return Open(filepath.Join(dir, "none.safetensors")) }, fault.Missing},
		"no file in fs": {func() (*Source, error) { return Open("none", WithFS(fstest.MapFS{})) }, fault.Missing},
		"nil fs":        {func() (*Source, error) { return Open("none", WithFS(nil)) }, fault.Invalid},
		"variant":       {func() (*Source, error) { return Open(dir, WithVariant("../x")) }, fault.Invalid},
		"empty folder":  {func() (*Source, error) { return Open(t.TempDir()) }, fault.Missing},
		"large index":   {func() (*Source, error) { return Open(big) }, fault.Limit},
		"shrunk": {func() (*Source, error) {
			return Open("x", WithFS(shrunk{fstest.MapFS{"x": {Data: []byte("half")}}}))
		}, fault.Truncated},
	} {
		_, err := c.open()
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, want %s", what, err, c.kind)
		}
		t.Log(err)
	}
}

// shrunk is a file system whose files end before their sizes.
type shrunk struct{ fs.FS }

func (s shrunk) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	return shrunkFile{f}, err
}

type shrunkFile struct{ fs.File }

func (f shrunkFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	return shrunkInfo{info}, err
}

type shrunkInfo struct{ fs.FileInfo }

func (i shrunkInfo) Size() int64 { return i.FileInfo.Size() + 1 }

// FuzzParse: no file makes the readers panic, answer an error without a kind, or
// give out a tensor whose bytes do not fit its shape.
func FuzzParse(f *testing.F) {
	f.Add(file(f, "x", false))
	f.Add(file(f, "x", true))
	f.Add(torchZip(f, "\x80\x02}X\x01\x00\x00\x00a"+vector+"s.", true, strings.Repeat("\x00", 16)))
	for _, dir := range []string{"hostile", "torch", "safetensors/good", "safetensors/bad"} {
		paths, _ := filepath.Glob(filepath.Join("..", "golden", "testdata", "checkpoint", filepath.FromSlash(dir), "*"))
		for _, path := range paths {
			if b, err := os.ReadFile(path); err == nil && len(b) < 20_000 {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		src, err := parse("x", &mapping{data: b})
		if err != nil {
			if fault.KindOf(err) == "" {
				t.Errorf("error without a kind: %v", err)
			}
			return
		}
		for _, name := range src.Names() {
			info, _ := src.Info(name)
			size, ok := info.Dtype.size(info.Shape)
			data, err := src.Bytes(name)
			if err == nil && (!ok || size != int64(len(data))) {
				t.Errorf("%q is %v in %d bytes", name, info, len(data))
			}
			if _, err := src.Tensor(name); err != nil && fault.KindOf(err) == "" {
				t.Errorf("error without a kind: %v", err)
			}
		}
		if c, err := Identify(src); err == nil {
			for _, part := range c.Parts {
				for _, name := range part.Names() {
					part.Bytes(name)
				}
			}
		}
	})
}

func FuzzIndex(f *testing.F) {
	paths, _ := filepath.Glob(filepath.Join("..", "golden", "testdata", "checkpoint", "safetensors", "sharded", "*.json"))
	for _, path := range paths {
		if b, err := os.ReadFile(path); err == nil {
			f.Add(b)
		}
	}
	f.Add([]byte(`{"weight_map":{"x":"a"}}`))
	content := file(f, "x", false)
	f.Fuzz(func(t *testing.T, b []byte) {
		fsys := fstest.MapFS{"d/a": {Data: content}, "d/i.json": {Data: b}}
		src, err := Open("d/i.json", WithFS(fsys))
		if err != nil {
			if fault.KindOf(err) == "" {
				t.Errorf("error without a kind: %v", err)
			}
		} else if !src.Has("x") {
			t.Errorf("opened without its tensor: %q", src.Names())
		}
	})
}

// FuzzIdentify: any names and shapes are identified or refused.
func FuzzIdentify(f *testing.F) {
	for _, names := range []string{
		"time_embed.0.weight\ninput_blocks.1.1.norm.weight\noutput_blocks.0.1.conv.weight", "first_stage_model.decoder.up.0.block.0.norm1.weight\nfirst_stage_model.decoder.mid.block_1.norm1.weight",
		"token_embedding.weight\ntransformer.resblocks.0.attn.in_proj_weight\ntext_projection", "time_embedding.0.weight\nblocks.0.norm1.weight\nblocks.1.transformer_blocks.0.ff.weight",
		"encoder.conv_in.weight\nencoder.mid.block_1.norm1.weight\nencoder.down.0.downsample\ndecoder.up.x.block", "state_dict.embedding.word_embeddings.weight\nepoch",
	} {
		f.Add(names, []byte{2, 3, 1})
	}
	f.Fuzz(func(t *testing.T, names string, dims []byte) {
		s := newSource("fuzz")
		for i, name := range strings.Split(names, "\n") {
			shape := []int{}
			for _, d := range dims[:min(len(dims), i%5)] {
				shape = append(shape, int(d%8))
			}
			size, _ := F16.size(shape)
			s.add(name, entry{Info: Info{F16, shape}, raw: make([]byte, size)})
		}
		c, err := Identify(s)
		if err != nil {
			if fault.KindOf(err) == "" {
				t.Errorf("error without a kind: %v", err)
			}
			return
		}
		for _, part := range slices.Sorted(maps.Keys(c.Parts)) {
			for _, name := range c.Parts[part].Names() {
				info, _ := c.Parts[part].Info(name)
				b, err := c.Parts[part].Bytes(name)
				if size, _ := F16.size(info.Shape); err != nil || size != int64(len(b)) {
					t.Errorf("%s of %s is %v in %d bytes (%v)", name, part, info, len(b), err)
				}
			}
		}
	})
}

// FuzzTorchProgram: the same for a pickle inside a sound archive, which FuzzParse's
// changes would break before the pickle is reached.
func FuzzTorchProgram(f *testing.F) {
	f.Add([]byte("\x80\x02}X\x01\x00\x00\x00a" + vector + "s."))
	paths, _ := filepath.Glob(filepath.Join("..", "golden", "testdata", "checkpoint", "*", "*.pt"))
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil || len(b) > 20_000 {
			continue
		}
		if a, err := openArchive(newTorchFile(path, &mapping{data: b}), b); err == nil {
			if program, err := a.content("data.pkl"); err == nil {
				f.Add(program)
			}
		}
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		b := torchZip(t, string(program), false, strings.Repeat("\x01", 16), strings.Repeat("\x02", 40))
		src, err := parse("x", &mapping{data: b})
		if err != nil {
			if fault.KindOf(err) == "" {
				t.Errorf("error without a kind: %v", err)
			}
			return
		}
		for _, name := range src.Names() {
			info, _ := src.Info(name)
			size, ok := info.Dtype.size(info.Shape)
			if data, err := src.Bytes(name); err != nil || !ok || size != int64(len(data)) {
				t.Errorf("%q is %v in %d bytes (%v)", name, info, len(data), err)
			}
		}
	})
}
