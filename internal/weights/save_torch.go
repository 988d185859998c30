package weights

import (
	"archive/zip"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strconv"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/weights/pickle"
)

// SaveTorch writes object as torch.save does, for Lightning's .ckpt and anything
// else that torch.load(weights_only=True) is to read. object is a tree of
// *pickle.Dict, *pickle.List and *pickle.Tuple over *tensor.Dense, strings, numbers,
// bools and nil. A tensor that stands there twice is written once. The file appears
// under its name only when it is whole.
func SaveTorch(path string, object any) error {
	return Replace(path, func(w io.Writer) error { return WriteTorch(w, object) })
}

// WriteTorch writes what [SaveTorch] does to w. Equal input gives equal bytes.
func WriteTorch(w io.Writer, object any) error {
	s := &torchSaver{keys: map[*tensor.Dense]int{}}
	tree, err := s.tree(object, "", 0)
	if err != nil {
		return err
	}
	program, err := pickle.Write(tree)
	if err != nil {
		return err
	}
	z := newTorchArchive(w)
	z.add("data.pkl", program)
	z.add(".format_version", []byte("1"))
	z.add(".storage_alignment", []byte(strconv.Itoa(storageAlignment)))
	z.add("byteorder", []byte("little"))
	for key, b := range s.storages {
		z.add("data/"+strconv.Itoa(key), b)
	}
	z.add("version", []byte("3\n"))
	return z.close()
}

// torchSaver collects storages while tensors become the calls that make them.
type torchSaver struct {
	keys     map[*tensor.Dense]int
	storages [][]byte
}

// tree copies an object with its tensors replaced.
func (s *torchSaver) tree(v any, path string, depth int) (any, error) {
	const deepest = 90
	if depth > deepest {
		return nil, fault.Newf(fault.Limit, "weights", "an object more than %d deep to write", deepest)
	}
	switch v := v.(type) {
	case *tensor.Dense:
		return s.tensor(v, path)
	case *pickle.Dict:
		if len(v.Keys) != len(v.Values) {
			return nil, fault.Newf(fault.Invalid, "weights", "a dict of %d keys and %d values", len(v.Keys), len(v.Values))
		}
		d := &pickle.Dict{Keys: v.Keys}
		for i, x := range v.Values {
			x, err := s.tree(x, path+"."+keyText(v.Keys[i]), depth+1)
			if err != nil {
				return nil, err
			}
			d.Values = append(d.Values, x)
		}
		return d, nil
	case *pickle.List:
		items, err := s.trees(v.Items, path, depth)
		return &pickle.List{Items: items}, err
	case *pickle.Tuple:
		items, err := s.trees(v.Items, path, depth)
		return &pickle.Tuple{Items: items}, err
	}
	return v, nil
}

func (s *torchSaver) trees(items []any, path string, depth int) ([]any, error) {
	copies := make([]any, len(items))
	for i, x := range items {
		var err error
		if copies[i], err = s.tree(x, path+"."+strconv.Itoa(i), depth+1); err != nil {
			return nil, err
		}
	}
	return copies, nil
}

// tensor returns the call that makes a tensor of its storage.
func (s *torchSaver) tensor(t *tensor.Dense, path string) (any, error) {
	d, b, err := encode(path, t)
	if err != nil {
		return nil, err
	}
	key, ok := s.keys[t]
	if !ok {
		key = len(s.storages)
		s.keys[t], s.storages = key, append(s.storages, b)
	}
	var size, stride []any
	step := len(b) / max(1, d.Bits()/8)
	length := step
	for _, n := range t.Shape() {
		step /= max(1, n)
		size, stride = append(size, n), append(stride, step)
	}
	function, storage := "_rebuild_tensor_v2", pickle.Class{Module: "torch", Name: keyOf(storageTypes, d)}
	if storage.Name == "" { // a type without a class of storages: bytes, seen as that type
		function, storage, length = "_rebuild_tensor_v3", untypedStorage, len(b)
	}
	args := []any{
		pickle.Persistent{ID: &pickle.Tuple{Items: []any{"storage", storage, strconv.Itoa(key), "cpu", length}}},
		0, &pickle.Tuple{Items: size}, &pickle.Tuple{Items: stride}, false,
		pickle.Call{Func: pickle.Class{Module: "collections", Name: "OrderedDict"}},
	}
	if storage == untypedStorage {
		args = append(args, pickle.Class{Module: "torch", Name: keyOf(dtypes, d)})
	}
	return pickle.Call{Func: pickle.Class{Module: "torch._utils", Name: function}, Args: args}, nil
}

// keyOf finds the first key, by name, of a value; "" if there is none.
func keyOf(m map[string]Dtype, d Dtype) string {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if m[k] == d {
			return k
		}
	}
	return ""
}

// storageAlignment is where torch lets storages begin: at multiples of it.
const storageAlignment = 64

// torchArchive writes the zip file. The first error stays.
type torchArchive struct {
	zip *zip.Writer
	out counter
	err error
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

func newTorchArchive(w io.Writer) *torchArchive {
	a := &torchArchive{out: counter{w: w}}
	a.zip = zip.NewWriter(&a.out)
	return a
}

// add writes a member without compression, padded so that its bytes are aligned. The
// padding is an extra field, as torch's own is.
func (a *torchArchive) add(name string, b []byte) {
	if a.err == nil {
		a.err = a.zip.Flush()
	}
	if a.err != nil {
		return
	}
	name = "archive/" + name
	const local, extra = 30, 4 // sizes of headers
	pad := -(a.out.n + local + int64(len(name)) + extra) & (storageAlignment - 1)
	h := &zip.FileHeader{
		Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(b),
		CompressedSize64: uint64(len(b)), UncompressedSize64: uint64(len(b)),
		Extra: append([]byte{'F', 'B', byte(pad), 0}, make([]byte, pad)...),
	}
	w, err := a.zip.CreateRaw(h)
	if err == nil {
		_, err = w.Write(b)
	}
	a.err = err
}

func (a *torchArchive) close() error {
	if a.err != nil {
		return a.err
	}
	return a.zip.Close()
}
