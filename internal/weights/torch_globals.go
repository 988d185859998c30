package weights

import (
	"cmp"
	"strings"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/weights/pickle"
)

// storageType is a class such as torch.FloatStorage.
type storageType Dtype

// dtypes are torch's element types: torch.float32, and the class of their storages
// where there is one.
var dtypes = map[string]Dtype{
	"float64": F64, "double": F64, "float32": F32, "float": F32, "float16": F16, "half": F16, "bfloat16": BF16,
	"int64": I64, "long": I64, "int32": I32, "int": I32, "int16": I16, "short": I16, "int8": I8, "uint8": U8,
	"uint16": U16, "uint32": U32, "uint64": U64, "bool": Bool, "complex64": C64, "complex128": C128,
	"float8_e4m3fn": F8E4M3, "float8_e5m2": F8E5M2, "float8_e4m3fnuz": F8E4M3FNUZ, "float8_e5m2fnuz": F8E5M2FNUZ, "float8_e8m0fnu": F8E8M0,
}

var storageTypes = map[string]Dtype{
	"DoubleStorage": F64, "FloatStorage": F32, "HalfStorage": F16, "BFloat16Storage": BF16,
	"LongStorage": I64, "IntStorage": I32, "ShortStorage": I16, "CharStorage": I8, "ByteStorage": U8, "BoolStorage": Bool,
	"ComplexFloatStorage": C64, "ComplexDoubleStorage": C128,
}

// untypedStorage is a storage of bytes, for types younger than classes of storages.
var untypedStorage = pickle.Class{Module: "torch.storage", Name: "UntypedStorage"}

// functions are what a checkpoint may call: what makes tensors of storages, and
// containers. What each does is Go code below.
var functions = map[string]pickle.Func{
	"torch._utils._rebuild_tensor":               rebuildTensor,
	"torch._utils._rebuild_tensor_v2":            rebuildTensor,
	"torch._utils._rebuild_tensor_v3":            rebuildTensor,
	"torch._utils._rebuild_parameter":            firstArgument,
	"torch._utils._rebuild_parameter_with_state": firstArgument,
	"torch._tensor._rebuild_from_type_v2":        rebuildFromType,
	"torch.Size":                                 sequence,
	"collections.OrderedDict":                    orderedDict,
	"collections.defaultdict":                    func(args []any) (any, error) { return orderedDict(args[min(1, len(args)):]) },
	"collections.Counter":                        orderedDict,
	"collections.deque":                          sequence,
	"_codecs.encode":                             encodeText,

	// dicts with attributes
	"pytorch_lightning.utilities.parsing.AttributeDict": orderedDict,
	"lightning.pytorch.utilities.parsing.AttributeDict": orderedDict,
	"lightning_fabric.utilities.data.AttributeDict":     orderedDict,
	"lightning.fabric.utilities.data.AttributeDict":     orderedDict,
}

// inert are classes and functions that mean nothing to a checkpoint: an object of
// one keeps its arguments and state, and does nothing. A name ending in "." stands
// for all that begins with it.
var inert = []string{
	"__torch__.", // modules of a TorchScript archive, whose code is not read
	"torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer", "torch.device", "torch.serialization._get_layout",
	"torch.nn.modules.container.ParameterDict", "torch.nn.modules.container.ParameterList",
	"numpy.dtype", "numpy.ndarray",
	"numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
	"numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
	"numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer",
	"argparse.Namespace", "datetime.", "pathlib.", "_pathlib.", "uuid.", "decimal.Decimal", "fractions.Fraction", "typing.Any",
	"pytorch_lightning.", "lightning.", "lightning_fabric.", "lightning_utilities.", "omegaconf.",
}

// builtins are Python's own types, as classes and as callables that make containers.
var builtins = map[string]pickle.Func{
	"set": sequence, "frozenset": sequence, "list": sequence, "tuple": sequence, "dict": orderedDict, "bytearray": encodeText,
	"complex": nil, "slice": nil, "range": nil, "int": nil, "float": nil, "str": nil, "bool": nil, "bytes": nil,
	"long": nil, "unicode": nil, "xrange": nil, // as protocol 2 calls int, str and range
}

// find says what a global of a checkpoint stands for. It knows lists, no modules:
// whatever is not on them ends the reading.
func find(c pickle.Class) (any, error) {
	name := c.String()
	if f := functions[name]; f != nil {
		return f, nil
	}
	if c == untypedStorage {
		return storageType(U8), nil
	}
	if c.Module == "torch" {
		if d := storageTypes[c.Name]; d != "" {
			return storageType(d), nil
		}
		if d := dtypes[c.Name]; d != "" {
			return d, nil
		}
	}
	if c.Module == "builtins" || c.Module == "__builtin__" {
		if f, ok := builtins[c.Name]; ok {
			if f == nil {
				return c, nil
			}
			return f, nil
		}
	}
	for _, i := range inert {
		if name == i || strings.HasSuffix(i, ".") && strings.HasPrefix(name, i) {
			return c, nil
		}
	}
	return nil, fault.Newf(fault.Unsupported, "torch", "%s is not among what a checkpoint may name", clip(name))
}

// rebuildTensor is torch's function of that name (torch/_utils.py): storage, offset,
// size, stride; then what does not matter here, and in v3 the type.
func rebuildTensor(args []any) (any, error) {
	bad := fault.Newf(fault.Invalid, "torch", "a tensor of strange parts")
	if len(args) < 4 {
		return nil, bad
	}
	s, ok := args[0].(*storage)
	offset, ok2 := args[1].(int64)
	size, err := sizes(args[2])
	stride, err2 := sizes(args[3])
	if err := cmp.Or(err, err2); err != nil {
		return nil, err
	}
	if !ok || !ok2 || offset < 0 || len(size) != len(stride) || len(size) > maxRank {
		return nil, bad
	}
	v := &view{storage: s, dtype: s.dtype, offset: offset, stride: stride}
	for _, n := range size {
		if int64(int(n)) != n {
			return nil, bad
		}
		v.size = append(v.size, int(n))
	}
	if len(args) > 6 {
		if d, ok := args[6].(Dtype); ok {
			v.dtype = d
		}
	}
	return v, nil
}

// sizes reads a tuple of numbers that are not negative.
func sizes(v any) ([]int64, error) {
	t, ok := v.(*pickle.Tuple)
	if !ok {
		return nil, fault.Newf(fault.Invalid, "torch", "sizes in a %T", v)
	}
	var ns []int64
	for _, x := range t.Items {
		n, ok := x.(int64)
		if !ok || n < 0 {
			return nil, fault.Newf(fault.Invalid, "torch", "size or stride %v", x)
		}
		ns = append(ns, n)
	}
	return ns, nil
}

// firstArgument is a parameter: the tensor, then whether it is trained.
func firstArgument(args []any) (any, error) {
	if len(args) == 0 {
		return nil, fault.Newf(fault.Invalid, "torch", "a parameter without a tensor")
	}
	return args[0], nil
}

// rebuildFromType is a tensor of a subclass: function, class, arguments, state.
func rebuildFromType(args []any) (any, error) {
	if len(args) < 3 {
		return nil, fault.Newf(fault.Invalid, "torch", "a tensor of a class without parts")
	}
	f, ok := args[0].(pickle.Func)
	t, ok2 := args[2].(*pickle.Tuple)
	if !ok || !ok2 || len(t.Items) == 0 {
		return nil, fault.Newf(fault.Invalid, "torch", "a tensor made by a %T of a %T", args[0], args[2])
	}
	if _, nested := t.Items[0].(pickle.Func); nested {
		return nil, fault.Newf(fault.Unsupported, "torch", "a class of a class of tensors")
	}
	return f(t.Items)
}

// orderedDict is OrderedDict(), or OrderedDict of a dict or of pairs.
func orderedDict(args []any) (any, error) {
	d := &pickle.Dict{}
	if len(args) == 0 {
		return d, nil
	}
	switch from := args[0].(type) {
	case *pickle.Dict:
		return from, nil
	case *pickle.List:
		for _, item := range from.Items {
			k, v, ok := pair(item)
			if !ok {
				return nil, fault.Newf(fault.Invalid, "torch", "a dict of a %T, want pairs", item)
			}
			d.Set(k, v)
		}
		return d, nil
	}
	return nil, fault.Newf(fault.Invalid, "torch", "a dict of a %T", args[0])
}

func pair(v any) (key, value any, ok bool) {
	var items []any
	switch v := v.(type) {
	case *pickle.List:
		items = v.Items
	case *pickle.Tuple:
		items = v.Items
	}
	if len(items) != 2 {
		return nil, nil, false
	}
	return items[0], items[1], true
}

// sequence is a set, frozenset, list, tuple or torch.Size of another sequence.
func sequence(args []any) (any, error) {
	if len(args) == 0 {
		return &pickle.List{}, nil
	}
	switch args[0].(type) {
	case *pickle.List, *pickle.Tuple:
		return args[0], nil
	}
	return nil, fault.Newf(fault.Invalid, "torch", "a sequence of a %T", args[0])
}

// encodeText is how protocol 2 writes bytes: as Latin-1 text.
func encodeText(args []any) (any, error) {
	if len(args) == 0 {
		return []byte{}, nil
	}
	if b, ok := args[0].([]byte); ok {
		return b, nil
	}
	s, ok := args[0].(string)
	if !ok || len(args) > 1 && args[1] != any("latin1") && args[1] != any("latin-1") {
		return nil, fault.Newf(fault.Unsupported, "torch", "bytes of a %T", args[0])
	}
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return nil, fault.Newf(fault.Invalid, "torch", "bytes of text beyond Latin-1")
		}
		b = append(b, byte(r))
	}
	return b, nil
}
