package weights

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nlpodyssey/safetensors"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/golden"
)

// wantTensor is a tensor as the reference reads it.
type wantTensor struct {
	Dtype string `json:"dtype"`
	Shape []int  `json:"shape"`
	Hex   string `json:"hex"`
}

// safetensorsTable is safetensors.json.
type safetensorsTable struct {
	Good map[string]struct {
		Library  string                `json:"library"`
		Metadata map[string]string     `json:"metadata"`
		Tensors  map[string]wantTensor `json:"tensors"`
	} `json:"good"`
	Bad map[string]struct {
		Library string `json:"library"`
		Easel   string `json:"easel"`
	} `json:"bad"`
	Sharded    map[string]wantTensor `json:"sharded"`
	ShardedBad map[string]string     `json:"sharded_bad"`
}

// torchDtypes translates the reference's names of types.
var torchDtypes = map[string]Dtype{
	"bool": Bool, "uint8": U8, "int8": I8, "uint16": U16, "int16": I16, "uint32": U32, "int32": I32,
	"uint64": U64, "int64": I64, "float8_e4m3fn": F8E4M3, "float8_e5m2": F8E5M2,
	"float16": F16, "bfloat16": BF16, "float32": F32, "float64": F64, "complex64": C64, "complex128": C128,
}

// bounded runs f and checks that it allocates at most 4 × size + 16 MiB. It reports
// more than a second, and fails only where nothing but a hang explains the time: the
// machine may be busy with other things.
func bounded(t *testing.T, what string, size int64, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	f()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if n, most := int64(after.TotalAlloc-before.TotalAlloc), 4*size+16<<20; n > most {
		t.Errorf("%s: allocated %d bytes of a file of %d, want at most %d", what, n, size, most)
	}
	if took > time.Second {
		t.Logf("%s: took %v, want at most 1 s", what, took)
	}
	if took > 20*time.Second {
		t.Errorf("%s: took %v", what, took)
	}
}

// openAll opens a file and reads every tensor of it, within bounds.
func openAll(t *testing.T, path string, options ...Option) (src *Source, err error) {
	t.Helper()
	size := int64(0)
	for _, p := range []string{path, filepath.Dir(path)} {
		if info, err := os.Stat(p); err == nil {
			size += info.Size()
		}
	}
	bounded(t, filepath.Base(path), size, func() {
		if src, err = Open(path, options...); err != nil {
			return
		}
		for _, name := range src.Names() {
			if _, err = src.Tensor(name); err != nil {
				src.Close()
				return
			}
		}
	})
	if err != nil {
		checkTyped(t, path, err)
		return nil, err
	}
	t.Cleanup(func() { src.Close() })
	return src, nil
}

func checkTyped(t *testing.T, path string, err error) {
	t.Helper()
	if fault.KindOf(err) == "" {
		t.Errorf("%s: error without a kind: %v", path, err)
	}
	if !strings.Contains(err.Error(), filepath.Base(path)) && !strings.HasSuffix(path, ".json") {
		t.Errorf("error does not name %s: %v", path, err)
	}
}

// checkTensors compares names, types, shapes and bytes.
func checkTensors(t *testing.T, what string, src *Source, want map[string]wantTensor) {
	t.Helper()
	names := src.Names()
	slices.Sort(names)
	golden.Equal(t, what+": names", names, golden.Keys(want))
	for name, w := range want {
		info, ok := src.Info(name)
		if !ok {
			continue
		}
		if d := torchDtypes[w.Dtype]; w.Dtype != "" && info.Dtype != d || !slices.Equal(info.Shape, w.Shape) {
			t.Errorf("%s: %q is %s %v, want %s %v", what, name, info.Dtype, info.Shape, w.Dtype, w.Shape)
		}
		b, err := src.Bytes(name)
		if err != nil {
			t.Errorf("%s: %q: %v", what, name, err)
		} else if have := hex.EncodeToString(b); have != w.Hex {
			t.Errorf("%s: %q = %s, want %s", what, name, have, w.Hex)
		}
		x, err := src.Tensor(name)
		if err != nil {
			t.Errorf("%s: %q: %v", what, name, err)
		} else if d, v, err := encode(name, x); err != nil || d != info.Dtype || !bytes.Equal(v, b) {
			t.Errorf("%s: %q: the tensor is of %s and holds %x (%v), want %x", what, name, d, v, err, b)
		}
	}
}

func TestGoldenSafetensorsGood(t *testing.T) {
	table := golden.JSON[safetensorsTable](t, golden.Part(t, "checkpoint/safetensors.json"))
	dir := golden.Part(t, "checkpoint/safetensors")
	for _, file := range golden.Keys(table.Good) {
		c, path := table.Good[file], filepath.Join(dir, "good", file)
		src, err := openAll(t, path)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		checkTensors(t, file, src, c.Tensors)
		if len(src.Metadata()) != len(c.Metadata) {
			t.Errorf("%s: metadata %q, want %q", file, src.Metadata(), c.Metadata)
		}
		for k, v := range c.Metadata {
			if src.Metadata()[k] != v {
				t.Errorf("%s: metadata %s = %q, want %q", file, k, src.Metadata()[k], v)
			}
		}
		checkWithLibrary(t, path, src)
		checkTruncations(t, path)
	}
}

// checkWithLibrary compares our reading with that of the safetensors module, where
// it knows the types.
func checkWithLibrary(t *testing.T, path string, src *Source) {
	t.Helper()
	lib, err := safetensors.Deserialize(golden.Bytes(t, path))
	if err != nil {
		t.Logf("%s: the module says: %v", filepath.Base(path), err)
		return
	}
	if lib.Len() != src.Len() {
		t.Errorf("%s: %d tensors, the module finds %d", path, src.Len(), lib.Len())
	}
	for _, x := range lib.Tensors() {
		have, err := src.Bytes(x.Name)
		if err != nil || !slices.Equal(have, x.TensorView.Data()) {
			t.Errorf("%s: %q: bytes differ from the module's (%v)", path, x.Name, err)
		}
	}
}

// checkTruncations checks that a good file cut short anywhere is refused.
func checkTruncations(t *testing.T, path string) {
	t.Helper()
	b := golden.Bytes(t, path)
	for n := range b {
		if n > 2000 && n < len(b)-2000 && n%37 != 0 {
			continue
		}
		if _, err := parse(filepath.Base(path), &mapping{data: b[:n:n]}); err == nil {
			t.Errorf("%s: the first %d of %d bytes were accepted", filepath.Base(path), n, len(b))
			return
		} else if fault.KindOf(err) == "" {
			t.Errorf("%s: the first %d bytes: error without a kind: %v", path, n, err)
			return
		}
	}
}

func TestGoldenSafetensorsBad(t *testing.T) {
	table := golden.JSON[safetensorsTable](t, golden.Part(t, "checkpoint/safetensors.json"))
	dir := golden.Part(t, "checkpoint/safetensors")
	for _, file := range golden.Keys(table.Bad) {
		_, err := openAll(t, filepath.Join(dir, "bad", file))
		switch want := table.Bad[file].Easel; want {
		case "accept or refuse":
		case "refuse":
			if err == nil {
				t.Errorf("%s: accepted", file)
			}
		default:
			t.Errorf("%s: verdict %q is none that this test knows", file, want)
		}
	}
}

func TestGoldenShards(t *testing.T) {
	table := golden.JSON[safetensorsTable](t, golden.Part(t, "checkpoint/safetensors.json"))
	dir := filepath.Join(golden.Part(t, "checkpoint/safetensors"), "sharded")
	for _, path := range []string{dir, filepath.Join(dir, "model.safetensors.index.json")} {
		src, err := openAll(t, path)
		if err != nil {
			t.Fatal(err)
		}
		checkTensors(t, path, src, table.Sharded)
	}
	src, err := openAll(t, "sharded", WithFS(os.DirFS(filepath.Dir(dir))))
	if err != nil {
		t.Fatal(err)
	}
	checkTensors(t, "fs", src, table.Sharded)
	for file, want := range table.ShardedBad {
		_, err := openAll(t, filepath.Join(dir, file))
		switch {
		case want == "refuse" && err == nil:
			t.Errorf("%s: accepted", file)
		case strings.HasPrefix(want, "accept,") && err != nil:
			t.Errorf("%s: %v", file, err)
		case want != "refuse" && want != "accept or refuse" && !strings.HasPrefix(want, "accept,"):
			t.Errorf("%s: verdict %q is none that this test knows", file, want)
		}
	}
}
