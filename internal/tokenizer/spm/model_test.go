package spm

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/golden"
)

// message builds a protocol buffer.
type message []byte

func (m message) number(field int, v uint64) message {
	return binary.AppendUvarint(binary.AppendUvarint(m, uint64(field)<<3|wireVarint), v)
}

func (m message) text(field int, s string) message {
	m = binary.AppendUvarint(binary.AppendUvarint(m, uint64(field)<<3|wireBytes), uint64(len(s)))
	return append(m, s...)
}

func (m message) float(field int, v float32) message {
	return binary.LittleEndian.AppendUint32(binary.AppendUvarint(m, uint64(field)<<3|wireI32), math.Float32bits(v))
}

func (m message) piece(text string, score float32, k kind) message {
	return m.text(1, string(message{}.text(1, text).float(2, score).number(3, uint64(k))))
}

// flags are the settings of a model under test.
type flags struct {
	fallback, suffix, dummy, extra, escape bool
}

// build returns a model whose pieces are, after <unk>, <s> and </s>, the letters a,
// b, c and ▁ and what is given.
func build(f flags, given func(message) message) []byte {
	bit := map[bool]uint64{true: 1}
	m := message{}.piece("<unk>", 0, unknown).piece("<s>", 0, control).piece("</s>", 0, control)
	if f.fallback {
		for b := range 256 {
			m = m.piece(byteName(byte(b)), 0, byteKind)
		}
	}
	for i, c := range []string{"a", "b", "c", space} {
		m = m.piece(c, float32(-100-i), normal)
	}
	m = given(m)
	m = m.text(2, string(message{}.number(3, 2).number(24, bit[f.suffix]).number(35, bit[f.fallback])))
	return m.text(3, string(message{}.text(1, "identity").number(3, bit[f.dummy]).number(4, bit[f.extra]).number(5, bit[f.escape])))
}

// samplePieces has a piece of each kind.
func samplePieces(m message) message {
	return m.piece("ab", -1, unused).piece("abc", -2, normal).piece("bc", -3, normal).piece("ca", -3, normal).
		piece("<x>", 0, userDefined).piece("<x>a", 0, userDefined).piece("aa", 0, normal).piece(space+"a", -1.5, normal)
}

// TestFlags compares with what sentencepiece 0.2.3 makes of the same models: unused
// pieces fall apart again, nothing joins user-defined ones, scores go before places,
// and unknown characters stand together.
func TestFlags(t *testing.T) {
	for name, c := range map[string]struct {
		flags
		want map[string]string // text → pieces, text decoded
	}{
		"plain": {flags{escape: true}, map[string]string{
			"ab": "a|b → ab", "abc": "abc → abc", "cab": "c|a|b → cab", "bcabc": "bc|abc → bcabc", "aaaa": "aa|aa → aaaa",
			"<x>ab<x>b": "<x>a|b|<x>|b → <x>ab<x>b", "xyza zz b": "xyz|a|▁|zz|▁|b →  ⁇ a  ⁇  b", "  a  b ": "▁|▁a|▁|▁|b|▁ →   a  b ",
			"b▁a": "b|▁a → b a", "<s>a": "<s>|a →  ⁇ a", "": " → ",
		}},
		"one space": {flags{dummy: true, extra: true, escape: true}, map[string]string{
			"ab": "▁|a|b → ab", "a<x>a": "▁a|<x>a → a<x>a", "  a  b ": "▁a|▁|b → a b", "   ": " → ", "éaéé": "▁|é|a|éé →  ⁇ a ⁇ ",
		}},
		"space behind": {flags{fallback: true, suffix: true, dummy: true, escape: true}, map[string]string{
			"ab": "a|b|▁ → ab ", "  a  b ": "▁|▁a|▁|▁|b|▁|▁ →  a  b  ", "éa": "<0xC3>|<0xA9>|a|▁ → éa ", "<s>": "<0x3C>|<0x73>|<0x3E>|▁ → <s> ",
		}},
	} {
		m, err := Parse(build(c.flags, samplePieces))
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range c.want {
			have := strings.Join(m.Pieces(text), "|") + " → " + m.Decode(m.Encode(text))
			if have != want {
				t.Errorf("%s %q: %q, want %q", name, text, have, want)
			}
		}
	}
}

// TestStrange: what the model does not know takes no more than linear time either.
func TestStrange(t *testing.T) {
	m, err := Parse(build(flags{escape: true}, samplePieces))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("鱻", 1<<18)
	if have := m.Pieces(text); len(have) != 1 || have[0] != text {
		t.Errorf("%d pieces", len(have))
	}
}

func TestBadText(t *testing.T) {
	m, err := Parse(build(flags{fallback: true, escape: true}, samplePieces))
	if err != nil {
		t.Fatal(err)
	}
	if have, want := m.Encode("a\xff\xfe"), m.Encode("a\ufffd\ufffd"); !slices.Equal(have, want) {
		t.Errorf("bytes that are no UTF-8: %v, want %v", have, want)
	}
	if have := m.Decode([]int32{-1, 1 << 30, 3 + 0xc3, 3 + 0xc3, 3 + 0xa9}); have != "\ufffdé" {
		t.Errorf("decoded %q", have)
	}
}

// TestBadModels: each says what is wrong.
func TestBadModels(t *testing.T) {
	good := func(m message) message { return m }
	table := message{}.text(3, string(message{}.text(2, "\xff\xff\xff\xff")))
	for name, c := range map[string]struct {
		model []byte
		kind  fault.Kind
	}{
		"empty":              {nil, fault.Truncated},
		"words":              {append(build(flags{}, good), message{}.text(2, string(message{}.number(3, 3)))...), fault.Unsupported},
		"replacements":       {append(build(flags{}, good), table...), fault.Truncated},
		"a piece twice":      {build(flags{}, func(m message) message { return m.piece("a", 0, normal) }), fault.Invalid},
		"an empty piece":     {build(flags{}, func(m message) message { return m.piece("", 0, normal) }), fault.Invalid},
		"score NaN":          {build(flags{}, func(m message) message { return m.piece("x", float32(math.NaN()), normal) }), fault.Invalid},
		"type 9":             {build(flags{}, func(m message) message { return m.piece("x", 0, 9) }), fault.Invalid},
		"type 257":           {build(flags{}, func(m message) message { return m.text(1, string(message{}.text(1, "x").number(3, 257))) }), fault.Invalid},
		"two unknown pieces": {build(flags{}, func(m message) message { return m.piece("x", 0, unknown) }), fault.Invalid},
		"no unknown piece":   {message{}.text(2, string(message{}.number(3, 2))), fault.Missing},
		"no byte pieces":     {append(build(flags{}, good), message{}.text(2, string(message{}.number(3, 2).number(35, 1)))...), fault.Missing},
		"a group":            {[]byte{0x0b}, fault.Invalid},
		"field 0":            {[]byte{0x02, 0x00}, fault.Invalid},
		"a long number":      {slices.Repeat([]byte{0xff}, 20), fault.Invalid},
		"beyond the end":     {[]byte{0x0a, 0x7f, 'a'}, fault.Truncated},
	} {
		if _, err := Parse(c.model); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want it to be of kind %q", name, err, c.kind)
		}
	}
	if _, err := Open(fstest.MapFS{}); fault.KindOf(err) != fault.Missing {
		t.Errorf("no file: %v", err)
	}
}

// TestTruncations cuts a model everywhere: each is an error of some kind.
func TestTruncations(t *testing.T) {
	b := build(flags{fallback: true, dummy: true, escape: true}, samplePieces)
	whole, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for n := range b {
		m, err := Parse(b[:n])
		if err == nil && m.Size() == whole.Size() {
			continue // cut at the end of a field behind the pieces
		}
		if fault.KindOf(err) == "" {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(build(flags{fallback: true, dummy: true, escape: true}, samplePieces), "a<x>b é")
	f.Add(build(flags{extra: true}, samplePieces), "  a ab")
	f.Add([]byte(nil), "")
	for _, path := range golden.Glob(f, "testdata/trained", "*.model") {
		f.Add(golden.Bytes(f, path), " a ½ <sep>二")
	}
	f.Fuzz(func(t *testing.T, b []byte, text string) {
		m, err := Parse(b)
		if err != nil {
			if fault.KindOf(err) == "" {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		c := NewChatGLM(m)
		row := c.Row(text, 16)
		for _, id := range row.IDs {
			if id < 0 || int(id) >= c.Size() {
				t.Fatalf("id %d of %d", id, c.Size())
			}
		}
		m.Decode(m.Encode(text))
	})
}

func FuzzEncode(f *testing.F) {
	m, err := Parse(build(flags{fallback: true, dummy: true, escape: true}, samplePieces))
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"ab abc", "<x>a é", "\xff", "", strings.Repeat("ca", 30)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := string([]rune(strings.ReplaceAll(s, space, " "))) // each bad byte is U+FFFD
		if have := m.Decode(m.Encode(s)); have != want {
			t.Fatalf("%q came back as %q", s, have)
		}
	})
}

// BenchmarkEncode takes the model of the reference cases.
func BenchmarkEncode(b *testing.B) {
	paths := golden.Glob(b, golden.Part(b, "tokenizer"), "*.model")
	m, err := Parse(golden.Bytes(b, paths[0]))
	if err != nil {
		b.Fatal(err)
	}
	const prompt = "二次元,一个紫色短发小女孩,在家中沙发上坐着,双手托着腮,很无聊,全身,粉色连衣裙"
	for name, text := range map[string]string{
		"prompt": prompt, "1MB/prompts": strings.Repeat(prompt, 1<<20/len(prompt)), "1MB/one-letter": strings.Repeat("a", 1<<20), "1MB/bytes": strings.Repeat("鱻", 1<<20/3),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				m.Encode(text)
			}
		})
	}
}
