package dataset

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds how deep JSON values may nest.
const maxDepth = 512

// parseJSON reads one JSON value (RFC 8259) that fills b. Objects become [Struct],
// in the order of their keys; integers stay exact where 64 bits hold them. Refused
// are duplicate keys, invalid UTF-8, lone surrogates, NaN, and nesting beyond 512.
func parseJSON(b []byte) (any, error) {
	p := jsonParser{b: b}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.i < len(b) {
		return nil, p.bad("text after the value")
	}
	return v, nil
}

type jsonParser struct {
	b []byte
	i int
}

func (p *jsonParser) bad(what string) error {
	if p.i >= len(p.b) {
		return fail(Truncated, "", "JSON ends inside a value")
	}
	return fail(Invalid, "", "JSON: %s at byte %d", what, p.i)
}

func (p *jsonParser) space() {
	for p.i < len(p.b) && isSpace(p.b[p.i]) {
		p.i++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// peek skips white space and returns the next byte, 0 at the end.
func (p *jsonParser) peek() byte {
	p.space()
	if p.i < len(p.b) {
		return p.b[p.i]
	}
	return 0
}

func (p *jsonParser) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, fail(Limit, "", "JSON nests more than %d deep", maxDepth)
	}
	switch c := p.peek(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return p.string()
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	}
	for _, w := range []struct {
		word  string
		value any
	}{{"null", nil}, {"true", true}, {"false", false}} {
		if n := len(w.word); p.i+n <= len(p.b) && string(p.b[p.i:p.i+n]) == w.word {
			p.i += n
			return w.value, nil
		}
	}
	return nil, p.bad("no value")
}

func (p *jsonParser) object(depth int) (any, error) {
	p.i++
	s := Struct{}
	var seen map[string]bool
	if p.peek() == '}' {
		p.i++
		return s, nil
	}
	for {
		if p.peek() != '"' {
			return nil, p.bad("no key")
		}
		key, err := p.string()
		if err != nil {
			return nil, err
		}
		if p.duplicate(s, &seen, key) {
			return nil, fail(Invalid, "", "JSON: key %q twice", key)
		}
		if p.peek() != ':' {
			return nil, p.bad("no colon")
		}
		p.i++
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		s = append(s, Field{key, v})
		switch p.peek() {
		case ',':
			p.i++
		case '}':
			p.i++
			return s, nil
		default:
			return nil, p.bad("no comma or brace")
		}
	}
}

// duplicate reports whether s has the key; large objects are looked up in a map.
func (p *jsonParser) duplicate(s Struct, seen *map[string]bool, key string) bool {
	if len(s) < 16 {
		_, ok := s.Get(key)
		return ok
	}
	if *seen == nil {
		*seen = make(map[string]bool, 2*len(s))
		for _, f := range s {
			(*seen)[f.Name] = true
		}
	}
	if (*seen)[key] {
		return true
	}
	(*seen)[key] = true
	return false
}

func (p *jsonParser) array(depth int) (any, error) {
	p.i++
	l := []any{}
	if p.peek() == ']' {
		p.i++
		return l, nil
	}
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		l = append(l, v)
		switch p.peek() {
		case ',':
			p.i++
		case ']':
			p.i++
			return l, nil
		default:
			return nil, p.bad("no comma or bracket")
		}
	}
}

func (p *jsonParser) number() (any, error) {
	start := p.i
	if p.b[p.i] == '-' {
		p.i++
	}
	whole := p.digits()
	if whole == 0 || whole > 1 && p.b[p.i-whole] == '0' {
		return nil, p.bad("number")
	}
	integer := true
	if p.i < len(p.b) && p.b[p.i] == '.' {
		p.i++
		integer = false
		if p.digits() == 0 {
			return nil, p.bad("number")
		}
	}
	if p.i < len(p.b) && p.b[p.i]|0x20 == 'e' {
		p.i++
		integer = false
		if p.i < len(p.b) && (p.b[p.i] == '+' || p.b[p.i] == '-') {
			p.i++
		}
		if p.digits() == 0 {
			return nil, p.bad("number")
		}
	}
	return numberValue(string(p.b[start:p.i]), integer)
}

func (p *jsonParser) digits() int {
	start := p.i
	for p.i < len(p.b) && '0' <= p.b[p.i] && p.b[p.i] <= '9' {
		p.i++
	}
	return p.i - start
}

func numberValue(s string, integer bool) (any, error) {
	if integer {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n, nil
		}
		if n, err := strconv.ParseUint(s, 10, 64); err == nil {
			return n, nil
		}
	}
	f, _ := strconv.ParseFloat(s, 64) // out of range is ±Inf, as Python reads it
	return f, nil
}

// string reads a string whose quote is at p.i.
func (p *jsonParser) string() (string, error) {
	p.i++
	start := p.i
	for p.i < len(p.b) && p.b[p.i] != '"' && p.b[p.i] != '\\' && p.b[p.i] >= 0x20 {
		p.i++
	}
	if p.i < len(p.b) && p.b[p.i] == '"' {
		s := p.b[start:p.i]
		if !utf8.Valid(s) {
			return "", fail(Invalid, "", "JSON: invalid UTF-8 in a string")
		}
		p.i++
		return string(s), nil
	}
	return p.escaped(append([]byte(nil), p.b[start:p.i]...))
}

// escaped reads the rest of a string whose beginning is s.
func (p *jsonParser) escaped(s []byte) (string, error) {
	for p.i < len(p.b) {
		switch c := p.b[p.i]; {
		case c == '"':
			if !utf8.Valid(s) {
				return "", fail(Invalid, "", "JSON: invalid UTF-8 in a string")
			}
			p.i++
			return string(s), nil
		case c < 0x20:
			return "", p.bad("control character in a string")
		case c != '\\':
			s = append(s, c)
			p.i++
		default:
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			s = utf8.AppendRune(s, r)
		}
	}
	return "", p.bad("")
}

const jsonEscapes = "\"\\/bfnrt"
const jsonEscaped = "\"\\/\b\f\n\r\t"

// escape reads one escape sequence, a surrogate pair as one.
func (p *jsonParser) escape() (rune, error) {
	p.i++
	if p.i >= len(p.b) {
		return 0, p.bad("")
	}
	c := p.b[p.i]
	for i := range len(jsonEscapes) {
		if c == jsonEscapes[i] {
			p.i++
			return rune(jsonEscaped[i]), nil
		}
	}
	if c != 'u' {
		return 0, p.bad("escape sequence")
	}
	r, err := p.hex()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if p.i+1 < len(p.b) && p.b[p.i] == '\\' && p.b[p.i+1] == 'u' {
		p.i++
		low, err := p.hex()
		if err != nil {
			return 0, err
		}
		if full := utf16.DecodeRune(r, low); full != utf8.RuneError {
			return full, nil
		}
	}
	return 0, fail(Invalid, "", "JSON: lone surrogate in a string")
}

// hex reads the four digits after the u at p.i.
func (p *jsonParser) hex() (rune, error) {
	p.i++
	if p.i+4 > len(p.b) {
		p.i = len(p.b)
		return 0, p.bad("")
	}
	n, err := strconv.ParseUint(string(p.b[p.i:p.i+4]), 16, 16)
	if err != nil {
		return 0, p.bad("escape sequence")
	}
	p.i += 4
	return rune(n), nil
}

// ParseJSON reads one JSON value that fills b. Objects become [Struct], arrays []any,
// integers int64 or uint64, other numbers float64. Refused are duplicate keys, invalid
// UTF-8, lone surrogates, NaN, and nesting beyond 512.
func ParseJSON(b []byte) (any, error) { return parseJSON(b) }

// Value parses the text; an invalid one is returned as a string.
func (j JSON) Value() any {
	v, err := parseJSON([]byte(j))
	if err != nil {
		return string(j)
	}
	return v
}
