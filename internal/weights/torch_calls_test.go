package weights

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/weights/pickle"
)

// TestTorchCalls: what the allowed functions make of their arguments. Each program
// is the value of "x", beside a tensor "w".
func TestTorchCalls(t *testing.T) {
	rebuild := "ctorch._utils\n_rebuild_tensor_v2\n"
	vectorArgs := strings.TrimPrefix(strings.TrimSuffix(vector, "tR"), rebuild) + "t"
	for what, c := range map[string]struct {
		program string
		want    any // a value, a Kind of error, or []string: names of tensors
	}{
		"parameter":          {"ctorch._utils\n_rebuild_parameter\n(" + vector + "\x88}tR", []string{"w", "x"}},
		"parameter of none":  {"ctorch._utils\n_rebuild_parameter\n)R", fault.Invalid},
		"subclass":           {"ctorch._tensor\n_rebuild_from_type_v2\n(" + rebuild + "ctorch\nTensor\n" + vectorArgs + "}tR", []string{"w", "x"}},
		"subclass of none":   {"ctorch._tensor\n_rebuild_from_type_v2\n)R", fault.Invalid},
		"subclass of number": {"ctorch._tensor\n_rebuild_from_type_v2\n(K\x01K\x01K\x01tR", fault.Invalid},
		"nested subclass":    {"ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._tensor\n_rebuild_from_type_v2\nN(" + rebuild + "NNttR", fault.Unsupported},
		"few parts":          {rebuild + ")R", fault.Invalid},
		"no storage":         {rebuild + "(NK\x00))tR", fault.Invalid},
		"size is a list":     {rebuild + "(" + float4 + "K\x00])tR", fault.Invalid},
		"part of a storage":  {"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000NK\x04)tQ", fault.Unsupported},
		"storage alone":      {float4, fault.Unsupported},
		"ordered dict":       {"ccollections\nOrderedDict\n(](X\x01\x00\x00\x00a" + vector + "\x86etR", []string{"w", "x.a"}},
		"dict of lists":      {"ccollections\nOrderedDict\n(](](X\x01\x00\x00\x00a" + vector + "eetR", []string{"w", "x.a"}},
		"dict of numbers":    {"ccollections\nOrderedDict\n(](K\x01etR", fault.Invalid},
		"dict of a number":   {"ccollections\nOrderedDict\n(K\x01tR", fault.Invalid},
		"default dict":       {"ccollections\ndefaultdict\n(cbuiltins\nint\ntR}s.", fault.Invalid},
		"set":                {"cbuiltins\nset\n(](K\x01etR", &pickle.List{Items: []any{int64(1)}}},
		"set of a number":    {"cbuiltins\nset\n(K\x01tR", fault.Invalid},
		"empty set":          {"c__builtin__\nset\n)R", &pickle.List{}},
		"size":               {"ctorch\nSize\n(K\x01K\x02\x86tR", &pickle.Tuple{Items: []any{int64(1), int64(2)}}},
		"bytes":              {"c_codecs\nencode\n(X\x04\x00\x00\x00\xc3\xbf\x01aX\x06\x00\x00\x00latin1tR", []byte{0xff, 1, 'a'}},
		"bytes of bytes":     {"cbuiltins\nbytearray\nC\x01a\x85R", []byte{'a'}},
		"no bytes":           {"cbuiltins\nbytearray\n)R", []byte{}},
		"beyond Latin-1":     {"c_codecs\nencode\nX\x03\x00\x00\x00\xe6\xbc\xab\x85R", fault.Invalid},
		"other encoding":     {"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x03\x00\x00\x00hextR", fault.Unsupported},
		"dtype":              {"ctorch\nfloat16\n", F16},
		"keys":               {"}(\x88" + vector + "G\x3f\xe0\x00\x00\x00\x00\x00\x00" + vector + "cbuiltins\nint\n" + vector + "u", []string{"w", "x.True", "x.0.5", "x.builtins.int"}},
		"key of a tuple":     {"})" + vector + "s", []string{"w", "x.<*pickle.Tuple>"}},
		"nothing":            {"N", nil},
	} {
		b := torchZip(t, "\x80\x02}(X\x01\x00\x00\x00w"+vector+"X\x01\x00\x00\x00x"+c.program+"u.", false, strings.Repeat("\x01", 16))
		src, err := parse("x.pt", &mapping{data: b})
		if k, ok := c.want.(fault.Kind); ok {
			if !errors.Is(err, k) {
				t.Errorf("%s: %v, want %s", what, err, k)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if names, ok := c.want.([]string); ok {
			if !slices.Equal(src.Names(), names) {
				t.Errorf("%s: tensors %q, want %q", what, src.Names(), names)
			}
			continue
		}
		have := src.Object().(*pickle.Dict).Get("x")
		if fmt.Sprintf("%T %v", have, have) != fmt.Sprintf("%T %v", c.want, c.want) {
			t.Errorf("%s: %#v, want %#v", what, have, c.want)
		}
	}
}
