package filter

import (
	"encoding/base64"
	"strconv"
	"time"

	"github.com/easel-go/easel/dataset"
)

// appendPandas appends v as pandas' to_json(force_ascii=False) does: no blanks, slashes
// escaped, floats with ten decimals, times in milliseconds since 1970, NaN as null.
func appendPandas(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case uint64:
		return strconv.AppendUint(b, v, 10)
	case float64:
		return appendPandasFloat(b, v)
	case float32:
		return appendPandasFloat(b, float64(v))
	case string:
		return appendPandasText(b, v)
	case dataset.JSON:
		return appendPandas(b, v.Value())
	case time.Time:
		return strconv.AppendInt(b, v.UnixMilli(), 10)
	case []byte:
		return appendPandasText(b, base64.StdEncoding.EncodeToString(v))
	case dataset.Image:
		return appendPandasText(b, v.Path)
	case []any:
		return appendPandasList(b, v)
	case dataset.Struct:
		return appendPandasObject(b, v)
	}
	return append(b, "null"...)
}

func appendPandasList(b []byte, list []any) []byte {
	b = append(b, '[')
	for i, e := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendPandas(b, e)
	}
	return append(b, ']')
}

func appendPandasObject(b []byte, s dataset.Struct) []byte {
	b = append(b, '{')
	for i, f := range s {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendPandasText(b, f.Name), ':')
		b = appendPandas(b, f.Value)
	}
	return append(b, '}')
}

const hexDigits = "0123456789abcdef"

func appendPandasText(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\' || c == '/':
			b = append(b, '\\', c)
		case c == '\b':
			b = append(b, `\b`...)
		case c == '\f':
			b = append(b, `\f`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < 0x20:
			b = append(b, `\u00`...)
			b = append(b, hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
