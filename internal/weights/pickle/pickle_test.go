package pickle

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/fault"
)

// reader allows the globals that tests use.
func reader() *Reader {
	return &Reader{
		Budget: 1 << 20,
		Find: func(c Class) (any, error) {
			switch c.Name {
			case "sum":
				return Func(func(args []any) (any, error) { return args[0].(int64) + args[1].(int64), nil }), nil
			case "Thing":
				return c, nil
			}
			return nil, fault.Newf(fault.Unsupported, "test", "%v", c)
		},
		Persistent: func(id any) (any, error) { return Persistent{id}, nil },
	}
}

func list(items ...any) *List   { return &List{items} }
func tuple(items ...any) *Tuple { return &Tuple{items} }
func dict(items ...any) *Dict {
	d := &Dict{}
	for i := 0; i < len(items); i += 2 {
		d.Set(items[i], items[i+1])
	}
	return d
}

// The pickles are what Python's pickle.dumps gives for the values, by protocol, or
// written by hand from pickletools.
func TestRead(t *testing.T) {
	thing := Class{"mod", "Thing"}
	for in, want := range map[string]any{
		// protocol 0
		"N.": nil, "I01\n.": true, "I00\n.": false, "I-7\n.": int64(-7), "L123L\n.": int64(123), "F0.5\n.": 0.5, "Fnan\n.": math.NaN(),
		"L1180591620717411303424L\n.":   new(big.Int).Lsh(big.NewInt(1), 70),
		"S'a\\x41\\n\\''\n.":            "aA\n'",
		"S'\\xff'\n.":                   []byte{0xff},
		"V\xe9\\u6f2b\\U0001f600\\x\n.": "é漫😀\\x",
		"(lp0\nI1\naI2\na.":             list(int64(1), int64(2)),
		"(dp0\nVa\np1\nI1\nsg1\nI2\ns.": dict("a", int64(1), "a", int64(2)), // the last counts
		"(dp0\nVa\np1\nI1\nsVb\nI2\ns.": dict("a", int64(1), "b", int64(2)),
		"(I1\nI2\ntp0\n.":               tuple(int64(1), int64(2)),
		"(I1\nI2\nl.":                   list(int64(1), int64(2)),
		"(I1\nI2\nimod\nsum\n.":         int64(3),
		"(imod\nThing\n(dS'x'\nI1\nsb.": &Object{Class: thing, State: dict("x", int64(1))},
		"cmod\nsum\n(I1\nI2\ntR.":       int64(3),
		"Pid\n.":                        Persistent{"id"},
		"I1\nI2\n0.":                    int64(1),
		"I1\n(I2\n1.":                   int64(1),
		"I1\n2\x86.":                    tuple(int64(1), int64(1)),
		"(Vk\nI1\nd.":                   dict("k", int64(1)),
		"(cmod\nThing\nI1\no.":          &Object{Class: thing, Args: []any{int64(1)}},
		"T\x02\x00\x00\x00ab.":          "ab",
		"U\x02\xff\xfe.":                []byte{0xff, 0xfe},
		"\x80\x02\x8a\x01\xff.":         int64(-1),
		"\x80\x02\x8a\x00.":             int64(0),
		"\x80\x02\x8a\x09" + "\x00\x00\x00\x00\x00\x00\x00\x00\x80.": new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 71)),
		"\x80\x02\x8b\x02\x00\x00\x00\x00\x80.":                      int64(-32768),
		"\x80\x02G\x3f\xe0\x00\x00\x00\x00\x00\x00.":                 0.5,
		"\x80\x02K\xff.": int64(255), "\x80\x02M\xff\xff.": int64(65535), "\x80\x02J\xff\xff\xff\xff.": int64(-1),
		"\x80\x02\x88.": true, "\x80\x02\x89.": false, "\x80\x02).": tuple(),
		"\x80\x02K\x01\x85.": tuple(int64(1)), "\x80\x02K\x01K\x02K\x03\x87.": tuple(int64(1), int64(2), int64(3)),
		"\x80\x02cmod\nThing\n)\x81.":                            &Object{Class: thing, Args: nil},
		"\x80\x03C\x02\x00\xff.":                                 []byte{0, 0xff},
		"\x80\x03B\x01\x00\x00\x00a.":                            []byte("a"),
		"\x80\x04\x95\x03\x00\x00\x00\x00\x00\x00\x00\x8c\x01a.": "a",
		"\x80\x04\x8d\x01\x00\x00\x00\x00\x00\x00\x00a.":         "a",
		"\x80\x04\x8e\x01\x00\x00\x00\x00\x00\x00\x00a.":         []byte("a"),
		"\x80\x04\x8f\x94(K\x01K\x02\x90.":                       list(int64(1), int64(2)),
		"\x80\x04(K\x01\x91.":                                    list(int64(1)),
		"\x80\x04\x8c\x03mod\x94\x8c\x05Thing\x94\x93).":         nil, // two values
		"\x80\x04\x8c\x03mod\x8c\x05Thing\x93\x94)\x81.":         &Object{Class: thing},
		"\x80\x04\x8c\x03mod\x8c\x05Thing\x93)}\x92.":            &Object{Class: thing, Args: []any{dict()}},
		"\x80\x05\x96\x01\x00\x00\x00\x00\x00\x00\x00a.":         []byte("a"),
		"\x80\x02]q\x00(K\x01h\x00h\x00e.":                       nil, // contains itself
		"\x80\x02]q\x00(K\x01]q\x01h\x01e.":                      list(int64(1), list(), list()),
		"\x80\x02}q\x01X\x01\x00\x00\x00aj\x01\x00\x00\x00s.":    nil, // contains itself
		"\x80\x02]r\x00\x00\x00\x00.":                            list(),
		"\x80\x02X\x02\x00\x00\x00idQ.":                          Persistent{"id"},
	} {
		v, rest, err := reader().Read([]byte(in))
		if f, ok := want.(float64); ok && math.IsNaN(f) {
			if g, ok := v.(float64); !ok || !math.IsNaN(g) {
				t.Errorf("%q: %v (%v), want NaN", in, v, err)
			}
			continue
		}
		if want == nil && in != "N." {
			if err == nil {
				t.Errorf("%q: %v, want an error", in, v)
			}
			continue
		}
		if err != nil || len(rest) > 0 || !equal(v, want) {
			t.Errorf("%q\nhave %#v (%v)\nwant %#v", in, v, err, want)
		}
	}
}

// equal does not tell empty slices from nil.
func equal(a, b any) bool {
	if x, ok := a.(*big.Int); ok {
		y, ok := b.(*big.Int)
		return ok && x.Cmp(y) == 0
	}
	x, y := children(a), children(b)
	if x == nil || reflect.TypeOf(a) != reflect.TypeOf(b) {
		return reflect.DeepEqual(a, b)
	}
	for i := range x {
		if len(x[i]) != len(y[i]) {
			return false
		}
		for j := range x[i] {
			if !equal(x[i][j], y[i][j]) {
				return false
			}
		}
	}
	return true
}

func TestReadRefuses(t *testing.T) {
	for what, c := range map[string]struct {
		in   string
		kind fault.Kind
	}{
		"nothing":            {"", fault.Truncated},
		"unknown global":     {"cos\nsystem\n.", fault.Unsupported},
		"extension":          {"\x80\x02\x82\x01.", fault.Unsupported},
		"buffer":             {"\x80\x05\x97.", fault.Unsupported},
		"no value":           {".", fault.Invalid},
		"mark":               {"(.", fault.Invalid},
		"mark as item":       {"](a.", fault.Invalid},
		"odd dict":           {"(I1\nd.", fault.Invalid},
		"append to int":      {"I1\nI2\na.", fault.Invalid},
		"call of an int":     {"I1\n(tR.", fault.Invalid},
		"arguments":          {"cmod\nsum\nI1\nR.", fault.Invalid},
		"state for an int":   {"I1\nI2\nb.", fault.Invalid},
		"object of nothing":  {"(o.", fault.Invalid},
		"memo":               {"g7\n.", fault.Invalid},
		"memo number":        {"I1\np-1\n.", fault.Invalid},
		"number":             {"Ix\n.", fault.Invalid},
		"long number":        {"I" + strings.Repeat("9", 5000) + "\n.", fault.Invalid},
		"float":              {"Fx\n.", fault.Invalid},
		"quotes":             {"Sx\n.", fault.Invalid},
		"escape":             {"V\\u12\n.", fault.Invalid},
		"surrogate":          {"V\\ud800\n.", fault.Invalid},
		"global without end": {"cmod\nsum", fault.Truncated},
		"global by numbers":  {"I1\nI2\n\x93.", fault.Invalid},
		"depth":              {strings.Repeat("(", 200) + strings.Repeat("l", 200) + ".", fault.Limit},
		"budget":             {strings.Repeat("]", 9999) + ".", fault.Limit},
		"frame":              {"\x80\x04\x95\xff\x00\x00\x00\x00\x00\x00\x00N.", fault.Truncated},
	} {
		v, _, err := reader().Read([]byte(c.in))
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: %v (%v), want %s", what, v, err, c.kind)
		}
	}
}

// TestDepthOfShared: a container that is shared counts once in time, and with its
// depth wherever it lies.
func TestDepthOfShared(t *testing.T) {
	in := "]q\x00" // 60 lists around it, put in the memo; then 60 more around that
	deep := strings.Repeat("(", 60) + "I1\n" + strings.Repeat("lq\x05", 60)
	if _, _, err := reader().Read([]byte("(" + deep + "h\x05t.")); err != nil {
		t.Errorf("shared: %v", err)
	}
	if _, _, err := reader().Read([]byte(in + "0(" + deep + strings.Repeat("(", 60) + "h\x05" + strings.Repeat("l", 60) + "t.")); !errors.Is(err, fault.Limit) {
		t.Errorf("120 deep by sharing: %v", err)
	}
	var doubling strings.Builder
	doubling.WriteString("I1\nq\x00")
	for range 60 {
		doubling.WriteString("0(h\x00h\x00tq\x00") // 2^60 leaves
	}
	if _, _, err := reader().Read([]byte(doubling.String() + ".")); err != nil {
		t.Errorf("doubling: %v", err)
	}
}

func TestWrite(t *testing.T) {
	for _, v := range []any{
		nil, true, false, int64(0), int64(-1), int64(1) << 31, int64(-1) << 40, math.Inf(1), 0.1, "", "漫",
		new(big.Int).Lsh(big.NewInt(-3), 200), list(), list("a", list(int64(1))), tuple(), tuple(int64(1), nil),
		dict(), dict("a", int64(1), int64(2), "b"), Class{"mod", "Thing"},
	} {
		b, err := Write(v)
		if err != nil {
			t.Errorf("%#v: %v", v, err)
			continue
		}
		have, rest, err := reader().Read(b)
		if err != nil || len(rest) > 0 || !equal(have, v) {
			t.Errorf("%#v: %#v (%v) came back", v, have, err)
		}
	}
	b, err := Write(tuple(Call{Class{"mod", "sum"}, []any{1, 2}}, Persistent{"x"}))
	have, _, err2 := reader().Read(b)
	if err != nil || err2 != nil || !equal(have, tuple(int64(3), Persistent{"x"})) {
		t.Errorf("%#v (%v, %v)", have, err, err2)
	}
	loop := list()
	loop.Items = append(loop.Items, loop)
	for what, v := range map[string]any{"struct": struct{}{}, "loop": loop, "not UTF-8": "\xff", "bytes": []byte{1},
		"dict": &Dict{Keys: []any{"a"}}, "number": new(big.Int).Lsh(big.NewInt(1), 3000)} {
		if _, err := Write(v); fault.KindOf(err) == "" {
			t.Errorf("%s: %v, want an error with a kind", what, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, in := range []string{
		"\x80\x02}q\x00X\x01\x00\x00\x00aK\x01s.", "(dp0\nVa\nI1\ns.", "\x80\x04\x95\x03\x00\x00\x00\x00\x00\x00\x00\x8c\x01a.",
		"cmod\nThing\n(I1\ntR(dS'x'\nI1\nsb.", "]q\x00(K\x01]q\x01h\x01e.", "\x80\x02\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x80.",
		"\x80\x04\x8c\x03mod\x8c\x05Thing\x93)}\x92.", "F0.5\n.", "V\\u6f2b\n.", "S'\\xff'\n.", "Pid\n.", "(imod\nThing\n.",
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := reader()
		r.Find = func(c Class) (any, error) { return c, nil }
		v, rest, err := r.Read(b)
		if err != nil {
			if fault.KindOf(err) == "" {
				t.Errorf("error without a kind: %v", err)
			}
			return
		}
		if len(rest) >= len(b) {
			t.Error("nothing was read")
		}
		again, err := Write(v)
		if err != nil {
			return // bytes, objects
		}
		if _, _, err := reader().Read(again); err != nil && !errors.Is(err, fault.Unsupported) {
			t.Errorf("%q is not read again: %v", again, err)
		}
	})
}
