package weights

import (
	"cmp"
	"fmt"
	"math/big"
	"strconv"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/weights/pickle"
)

// torchFile is a file of torch.save while it is read: a pickle whose tensors name
// storages, and the storages' bytes.
type torchFile struct {
	*Source
	reader   pickle.Reader
	storages map[string]*storage
	swapped  bool // storages are big-endian
}

// storage is a run of elements that tensors are views of.
type storage struct {
	key   string
	dtype Dtype
	len   int64                  // elements
	bytes func() ([]byte, error) // in the file's byte order, at least len elements; set once found
	lazy  bool                   // bytes costs time: the values are compressed
}

// view is a tensor of torch: a storage seen through offset and strides, in elements.
type view struct {
	storage *storage
	dtype   Dtype // the storage's, unless that is of bytes
	offset  int64
	size    []int
	stride  []int64
}

// newTorchFile prepares for a file; memory that is not the mapping may take what the
// size of the file justifies.
func newTorchFile(path string, m *mapping) *torchFile {
	f := &torchFile{Source: newSource(path, m), storages: map[string]*storage{}}
	f.reader = pickle.Reader{Budget: 3*int64(len(m.data)) + 12<<20, Find: find, Persistent: f.persistent}
	return f
}

// failed wraps what a pickle or its tensors have wrong.
func (f *torchFile) failed(err error) error {
	return &fault.Error{Kind: cmp.Or(fault.KindOf(err), fault.Invalid), Op: "weights", Where: f.path, Err: err}
}

// persistent makes the storage of ("storage", type, key, device, length[, view]).
// The device does not matter.
func (f *torchFile) persistent(id any) (any, error) {
	t, ok := id.(*pickle.Tuple)
	if !ok || len(t.Items) < 5 || t.Items[0] != any("storage") {
		return nil, fault.Newf(fault.Invalid, "torch", "a persistent id that is no storage")
	}
	dtype, ok := t.Items[1].(storageType)
	key, ok2 := t.Items[2].(string)
	n, ok3 := t.Items[4].(int64)
	if !ok || !ok2 || !ok3 || n < 0 || n > 1<<56 {
		return nil, fault.Newf(fault.Invalid, "torch", "a storage of type %v, key %v, length %v", t.Items[1], t.Items[2], t.Items[4])
	}
	s := f.storages[key]
	if s == nil {
		if err := f.reader.Charge(300); err != nil {
			return nil, err
		}
		s = &storage{key: key, dtype: Dtype(dtype), len: n}
		f.storages[key] = s
	}
	if s.dtype != Dtype(dtype) || s.len != n {
		return nil, fault.Newf(fault.Invalid, "torch", "storage %s is of %d %s and of %d %s", key, s.len, s.dtype, n, Dtype(dtype))
	}
	return s, viewOfStorage(t.Items[5:])
}

// viewOfStorage refuses the sixth element that torch before 0.4 could write: a part
// of another storage.
func viewOfStorage(rest []any) error {
	if len(rest) > 0 && rest[0] != nil {
		return fault.Newf(fault.Unsupported, "torch", "a storage that is a part of another")
	}
	return nil
}

// collect names the tensors below v, which lies at path, and adds them: "a.b" for
// {"a": {"b": …}}, "a.0" for {"a": […]}. It returns what stands for v afterwards.
func (f *torchFile) collect(path string, v any) (_ any, err error) {
	if err := f.reader.Charge(64 + int64(len(path))); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case *view:
		e, err := f.tensor(v)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", clip(path), err)
		}
		return TensorName(path), f.addTensor(path, e)
	case TensorName: // a container that was named before, at another place
		return v, f.addTensor(path, f.entries[string(v)])
	case *pickle.Dict:
		if err := f.reader.Charge(int64(len(v.Keys))); err != nil {
			return nil, err
		}
		for i, k := range v.Keys {
			if err := f.collectItem(path, keyText(k), &v.Values[i]); err != nil {
				return nil, err
			}
		}
	case *pickle.List:
		return v, f.collectItems(path, v.Items)
	case *pickle.Tuple:
		return v, f.collectItems(path, v.Items)
	case *pickle.Object: // of TorchScript, say: a module's state is its tensors and modules
		if err := f.collectItems(path, v.Args); err != nil {
			return nil, err
		}
		v.State, err = f.collect(path, v.State)
		return v, err
	case *storage, storageType:
		return nil, fault.Newf(fault.Unsupported, "torch", "a storage outside a tensor, at %s", clip(path))
	}
	return v, nil
}

// collectItems counts the items as memory, though they take none here: shared lists
// are gone through once for each place they lie at, and that must end.
func (f *torchFile) collectItems(path string, items []any) error {
	if err := f.reader.Charge(int64(len(items))); err != nil {
		return err
	}
	for i := range items {
		if err := f.collectItem(path, strconv.Itoa(i), &items[i]); err != nil {
			return err
		}
	}
	return nil
}

// collectItem does without a name for what holds no tensors.
func (f *torchFile) collectItem(path, key string, item *any) (err error) {
	switch (*item).(type) {
	case nil, bool, int64, float64, string, []byte:
		return nil
	}
	if path != "" {
		key = path + "." + key
	}
	*item, err = f.collect(key, *item)
	return err
}

func (f *torchFile) addTensor(path string, e entry) error {
	if err := f.reader.Charge(300); err != nil {
		return err
	}
	if !f.add(path, e) {
		return fault.Newf(fault.Invalid, "torch", "two tensors called %s", clip(path))
	}
	return nil
}

// keyText spells a dict's key as Python's str does, where that makes a name.
func keyText(k any) string {
	switch k := k.(type) {
	case string:
		return k
	case bool:
		return map[bool]string{true: "True", false: "False"}[k]
	case float64:
		return strconv.FormatFloat(k, 'g', -1, 64)
	case int64, *big.Int, pickle.Class:
		return fmt.Sprint(k)
	}
	return fmt.Sprintf("<%T>", k)
}

// finish names the tensors of the file and checks that there are some.
func (f *torchFile) finish(root any) (*Source, error) {
	root, err := f.collect("", root)
	if err != nil {
		return nil, f.failed(err)
	}
	if f.Len() == 0 {
		return nil, f.fault(fault.Invalid, "the file", "holds no tensors", "a checkpoint")
	}
	f.root = root
	return f.Source, nil
}

// tensor finds the bytes of a view: the storage's own where it is contiguous, else a
// copy made when asked for.
func (f *torchFile) tensor(v *view) (entry, error) {
	e := entry{Info: Info{Dtype: v.dtype, Shape: v.size}}
	if v.storage.bytes == nil {
		return e, fault.Newf(fault.Missing, "torch", "storage %s is missing", clip(v.storage.key))
	}
	size, ok := v.dtype.size(v.size)
	if !ok {
		return e, fault.Newf(fault.Limit, "torch", "shape %v", v.size)
	}
	if size == 0 {
		return e, nil
	}
	width := int64(v.dtype.Bits() / 8)
	first, last, err := v.span(v.storage.len * int64(v.storage.dtype.Bits()/8) / width)
	if err != nil {
		return e, err
	}
	if v.contiguous() && !f.swapped && !v.storage.lazy {
		b, err := v.storage.bytes()
		if err != nil {
			return e, err
		}
		e.raw = b[first*width : (last+1)*width : (last+1)*width]
		return e, nil
	}
	e.load = v.copied(int(size), f.swapped)
	return e, f.reader.Charge(size)
}

// copied makes the values of a view, of size bytes, when called.
func (v *view) copied(size int, swapped bool) func() ([]byte, error) {
	return func() ([]byte, error) {
		b, err := v.storage.bytes()
		if err != nil {
			return nil, err
		}
		c := aligned8(size)
		v.gather(c, b, v.dtype.Bits()/8)
		if swapped {
			reverse(c, elements[v.dtype].unit())
		}
		return c, nil
	}
}

// span returns the first and the last element of the storage that a view of at least
// one element sees, and refuses one that leaves a storage of n.
func (v *view) span(n int64) (first, last int64, err error) {
	last = v.offset
	for i, size := range v.size {
		step := v.stride[i]
		if size > 1 && step > (1<<62-last)/int64(size-1) {
			return 0, 0, fault.Newf(fault.Shape, "torch", "stride %d of size %d", step, size)
		}
		last += step * int64(size-1)
	}
	if last >= n {
		return 0, 0, fault.Newf(fault.Shape, "torch", "shape %v with strides %v at %d ends beyond a storage of %d", v.size, v.stride, v.offset, n)
	}
	return v.offset, last, nil
}

// contiguous reports whether the elements lie in the storage as in a row-major array.
func (v *view) contiguous() bool {
	step := int64(1)
	for i := len(v.size) - 1; i >= 0; i-- {
		if v.size[i] != 1 && v.stride[i] != step {
			return false
		}
		step *= int64(v.size[i])
	}
	return true
}

// gather copies the view's elements from src to dst, row by row of its last size.
func (v *view) gather(dst, src []byte, width int) {
	rank := len(v.size)
	if rank == 0 {
		copy(dst, src[int(v.offset)*width:][:width])
		return
	}
	at := make([]int, rank)
	row, step := v.size[rank-1], int(v.stride[rank-1])*width
	from := int(v.offset) * width
	for len(dst) > 0 {
		for i, p := 0, from; i < row; i, p = i+1, p+step {
			copy(dst[i*width:][:width], src[p:])
		}
		dst = dst[row*width:]
		for d := rank - 2; d >= 0; d-- {
			at[d]++
			from += int(v.stride[d]) * width
			if at[d] < v.size[d] {
				break
			}
			from -= v.size[d] * int(v.stride[d]) * width
			at[d] = 0
		}
	}
}
