package dataset

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendJSON appends v, a value of a [Field], as Python's json.dumps writes it with
// ensure_ascii=False: ", " and ": " between things, floats by their shortest digits,
// NaN and Infinity by name, times as isoformat spells them. Bytes become base64,
// pictures their path.
func AppendJSON(b []byte, v any) []byte { return appendJSON(b, v, jsonStyle{}) }

// jsonStyle says how appendJSON spells.
type jsonStyle struct {
	ascii bool // escape everything beyond ASCII, as Python's json.dumps does unasked
}

// appendJSON appends v as Python's json.dumps writes it: ", " and ": " between
// things, floats by their shortest digits, NaN and Infinity by name. Times are
// spelled as isoformat does, bytes and pictures as base64 and as their path.
func appendJSON(b []byte, v any, style jsonStyle) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case uint64:
		return strconv.AppendUint(b, v, 10)
	case float32:
		return appendFloat(b, float64(v))
	case float64:
		return appendFloat(b, v)
	case string:
		return appendString(b, v, style)
	case time.Time:
		return appendString(b, isoTime(v), style)
	case JSON:
		if parsed, err := parseJSON([]byte(v)); err == nil {
			return appendJSON(b, parsed, style)
		}
		return appendString(b, string(v), style)
	case []byte:
		return append(base64.StdEncoding.AppendEncode(append(b, '"'), v), '"')
	case Image:
		return appendString(b, v.String(), style)
	case []any:
		return appendList(b, v, style)
	case Struct:
		return appendObject(b, v, style)
	}
	return append(b, "null"...)
}

func appendList(b []byte, l []any, style jsonStyle) []byte {
	b = append(b, '[')
	for i, e := range l {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendJSON(b, e, style)
	}
	return append(b, ']')
}

func appendObject(b []byte, s Struct, style jsonStyle) []byte {
	b = append(b, '{')
	for i, f := range s {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendString(b, f.Name, style)
		b = append(b, ": "...)
		b = appendJSON(b, f.Value, style)
	}
	return append(b, '}')
}

// appendFloat spells f as Python's repr: shortest digits, exponent form below 1e-4
// and from 1e16 on.
func appendFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, "NaN"...)
	case math.IsInf(f, 1):
		return append(b, "Infinity"...)
	case math.IsInf(f, -1):
		return append(b, "-Infinity"...)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	n := len(b)
	b = strconv.AppendFloat(b, f, 'f', -1, 64)
	for _, c := range b[n:] {
		if c == '.' {
			return b
		}
	}
	return append(b, ".0"...)
}

const hexDigits = "0123456789abcdef"

func appendString(b []byte, s string, style jsonStyle) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < 0x20:
			b = appendControl(b, byte(r))
		case style.ascii && r >= 0x7f:
			b = appendUnicode(b, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

func appendControl(b []byte, c byte) []byte {
	for i := 3; i < len(jsonEscaped); i++ {
		if jsonEscaped[i] == c {
			return append(b, '\\', jsonEscapes[i])
		}
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

func appendUnicode(b []byte, r rune) []byte {
	if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
		return appendUnicode(appendUnicode(b, hi), lo)
	}
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
