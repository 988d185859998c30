package lora

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/weights"
)

// Load reads an adapter: a .safetensors file, a torch file (.bin, .ckpt, .pt), or a
// folder as PEFT and diffusers write it, PEFT's with one for each network below it if
// there are several. Which dialect it is follows from its keys.
//
// Errors: Missing for a file, or the other half of a pair, that is not there; Invalid
// for keys of no dialect and for what holds no adapter at all; Shape for halves that do
// not fit each other; NotFinite for NaN and infinity; Unsupported for element types and
// kinds of adapter that this package does not have.
func Load(name string, opts ...Option) (*Adapter, error) {
	var o loadOptions
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	a, err := o.load(name)
	if err != nil {
		return nil, named(err, name)
	}
	return a, nil
}

// named says which adapter an error is about, if it does not say so itself.
func named(err error, where string) error {
	if e, ok := err.(*fault.Error); ok && e.Where == "" {
		e := *e
		e.Where = where
		return &e
	}
	return err
}

func (o *loadOptions) load(name string) (*Adapter, error) {
	if folders := o.networks(name); folders != nil {
		return o.loadParts(name, folders)
	}
	file, config, err := o.find(name)
	if err != nil {
		return nil, err
	}
	var from []weights.Option
	if o.fsys != nil {
		from = append(from, weights.WithFS(o.fsys))
	}
	src, err := weights.Open(file, from...)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	a, err := o.read(src)
	if err != nil {
		return nil, err
	}
	a.path = name
	if config != nil {
		a.dialect = PEFT
		err = a.configure(config)
	} else {
		a.inheritAlpha()
		err = a.configureFromMetadata()
	}
	if err != nil {
		return nil, err
	}
	for _, l := range a.layers {
		l.squared = o.merged
		if o.alpha > 0 {
			l.alpha = o.alpha
		}
	}
	return a, nil
}

// networks returns which networks a folder has PEFT folders of their own for.
func (o *loadOptions) networks(name string) (found []string) {
	for _, part := range parts {
		if _, err := o.stat(o.join(o.join(name, part), "adapter_config.json")); err == nil {
			found = append(found, part)
		}
	}
	return found
}

// loadParts puts the adapters of several networks together.
func (o *loadOptions) loadParts(name string, folders []string) (*Adapter, error) {
	all := &Adapter{path: name, dialect: PEFT}
	for _, part := range folders {
		a, err := o.load(o.join(name, part))
		if err != nil {
			return nil, named(err, o.join(name, part))
		}
		for _, l := range a.layers {
			l.name = part + "." + strings.TrimPrefix(l.name, "base_model.model.")
		}
		all.layers, all.skipped = append(all.layers, a.layers...), append(all.skipped, a.skipped...)
	}
	return all, nil
}

// inFolder are the names that PEFT and diffusers give the file of a folder.
var inFolder = []string{
	"adapter_model.safetensors", "adapter_model.bin",
	"pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin",
}

// find returns the file that holds the tensors, and the text of adapter_config.json
// where there is one beside it.
func (o *loadOptions) find(name string) (file string, config []byte, err error) {
	info, err := o.stat(name)
	if err != nil {
		return "", nil, missing(err, name)
	}
	if !info.IsDir() {
		if strings.HasPrefix(filepath.Base(name), "adapter_model.") {
			config, err = o.config(o.join(o.dir(name), "adapter_config.json"))
		}
		return name, config, err
	}
	if config, err = o.config(o.join(name, "adapter_config.json")); err != nil {
		return "", nil, err
	}
	for _, f := range inFolder {
		if info, err := o.stat(o.join(name, f)); err == nil && !info.IsDir() {
			return o.join(name, f), config, nil
		}
	}
	return "", nil, &fault.Error{Kind: fault.Missing, Op: "lora", What: "adapter", Have: "is not there", Want: "one of " + strings.Join(inFolder, ", ")}
}

// config reads adapter_config.json; nil if there is none.
func (o *loadOptions) config(name string) ([]byte, error) {
	const most = 16 << 20
	info, err := o.stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && info.Size() > most {
		err = fault.Newf(fault.Limit, "lora", "%s: %d bytes, want at most %d", name, info.Size(), most)
	}
	if err != nil {
		return nil, err
	}
	if o.fsys == nil {
		return os.ReadFile(name)
	}
	return fs.ReadFile(o.fsys, name)
}

func (o *loadOptions) stat(name string) (fs.FileInfo, error) {
	if o.fsys == nil {
		return os.Stat(name)
	}
	return fs.Stat(o.fsys, name)
}

func (o *loadOptions) join(dir, name string) string {
	if o.fsys == nil {
		return filepath.Join(dir, name)
	}
	return path.Join(dir, name)
}

func (o *loadOptions) dir(name string) string {
	if o.fsys == nil {
		return filepath.Dir(name)
	}
	return path.Dir(name)
}

func missing(err error, where string) error {
	e := &fault.Error{Op: "lora", Where: where, What: "adapter", Err: err}
	if errors.Is(err, fs.ErrNotExist) {
		e.Kind = fault.Missing
	}
	return e
}

// read sorts the tensors of a file into layers.
func (o *loadOptions) read(src *weights.Source) (*Adapter, error) {
	a := &Adapter{meta: src.Metadata()}
	index := map[string]*layer{}
	votes := map[Dialect]int{}
	for _, name := range src.Names() {
		k, ok := parseKey(name)
		if !ok {
			a.skipped = append(a.skipped, name)
			continue
		}
		l := index[k.layer]
		if l == nil {
			l = &layer{name: k.layer, parts: map[role]*tensor.Dense{}}
			index[k.layer], a.layers = l, append(a.layers, l)
		}
		if l.parts[k.role] != nil {
			return nil, &fault.Error{Kind: fault.Invalid, Op: "lora", What: "layer " + k.layer, Have: "has two tensors " + string(k.role), Want: "one"}
		}
		t, err := owned(src, name)
		if err != nil {
			return nil, err
		}
		l.parts[k.role] = t
		votes[dialectOf(k)]++
	}
	if err := o.accept(a, src.Len()); err != nil {
		return nil, err
	}
	for _, d := range []Dialect{Diffusers, OldDiffusers, Kohya, PEFT, DiffSynth, Cloneofsimo} {
		if votes[d] > votes[a.dialect] {
			a.dialect = d
		}
	}
	for _, l := range a.layers {
		if err := l.check(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// accept refuses what is no adapter, and keys that nobody knows.
func (o *loadOptions) accept(a *Adapter, tensors int) error {
	if len(a.layers) == 0 {
		have := "a file without tensors"
		if tensors > 0 {
			have = fmt.Sprintf("%d tensors, the first %s", tensors, a.skipped[0])
		}
		return &fault.Error{Kind: fault.Invalid, Op: "lora", What: "adapter", Have: "is " + have, Want: "keys of PEFT, diffusers, kohya, LyCORIS, DiffSynth or cloneofsimo"}
	}
	if len(a.skipped) > 0 && !o.partial {
		return &fault.Error{Kind: fault.Invalid, Op: "lora", What: fmt.Sprintf("%d of %d keys", len(a.skipped), tensors),
			Have: "of no known meaning: " + few(a.skipped), Want: "none, or SkipUnknown"}
	}
	return nil
}

// few lists the first names.
func few(names []string) string {
	const show = 4
	s := strings.Join(names[:min(show, len(names))], ", ")
	if len(names) > show {
		s += fmt.Sprintf(", … (%d in all)", len(names))
	}
	return s
}

// owned returns a tensor in memory of its own: float32, float16 or bfloat16.
func owned(src *weights.Source, name string) (*tensor.Dense, error) {
	info, _ := src.Info(name)
	if slices.Contains(info.Shape, 0) {
		return nil, &fault.Error{Kind: fault.Shape, Op: "lora", What: "tensor " + name, Have: fmt.Sprint([]int(info.Shape)), Want: "a rank of at least 1"}
	}
	b, err := src.Bytes(name)
	if err != nil {
		return nil, err
	}
	shape := info.Shape.Clone()
	if len(shape) == 0 {
		shape = tensor.Shape{1}
	}
	le := binary.LittleEndian
	var t *tensor.Dense
	switch info.Dtype {
	case weights.F32:
		t = dense(shape, decode(b, 4, func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) }))
	case weights.F64:
		t = dense(shape, decode(b, 8, func(b []byte) float32 { return float32(math.Float64frombits(le.Uint64(b))) }))
	case weights.F16:
		t = dense(shape, decode(b, 2, func(b []byte) engine.F16 { return engine.F16(le.Uint16(b)) }))
	case weights.BF16:
		t = dense(shape, decode(b, 2, func(b []byte) engine.BF16 { return engine.BF16(le.Uint16(b)) }))
	default:
		return nil, &fault.Error{Kind: fault.Unsupported, Op: "lora", What: "tensor " + name, Have: "of type " + string(info.Dtype), Want: "F32, F16, BF16 or F64"}
	}
	for i, x := range numbers(t) {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return nil, &fault.Error{Kind: fault.NotFinite, Op: "lora", What: "tensor " + name, Have: fmt.Sprintf("has %v at index %d", x, i)}
		}
	}
	return t, nil
}

// decode reads numbers of size bytes.
func decode[T any](b []byte, size int, one func([]byte) T) []T {
	v := make([]T, len(b)/size)
	for i := range v {
		v[i] = one(b[i*size:])
	}
	return v
}

func dense[T any](shape tensor.Shape, v []T) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))
}

func narrowed(v []float64) []float32 {
	w := make([]float32, len(v))
	for i := range v {
		w[i] = float32(v[i])
	}
	return w
}
