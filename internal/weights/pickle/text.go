package pickle

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// text reads UTF-8 after its length, which takes so many bytes.
func text(bytes int) func(*machine) (any, error) {
	return func(m *machine) (any, error) {
		b, err := m.counted(bytes)
		if err == nil && !utf8.Valid(b) {
			err = invalid("text that is not UTF-8")
		}
		if err == nil {
			err = m.Charge(int64(len(b)))
		}
		if err != nil {
			return nil, err
		}
		return string(b), nil
	}
}

// raw reads bytes after their number.
func raw(bytes int, convert func([]byte) any) func(*machine) (any, error) {
	return func(m *machine) (any, error) {
		b, err := m.counted(bytes)
		if err == nil {
			err = m.Charge(int64(len(b)))
		}
		if err != nil {
			return nil, err
		}
		return convert(b), nil
	}
}

func bytesOf(b []byte) any { return append([]byte{}, b...) }

// python2 is a string of Python 2, which may be text or bytes.
func python2(b []byte) any {
	if utf8.Valid(b) {
		return string(b)
	}
	return append([]byte(nil), b...)
}

// reprLine reads a line with the repr of a string of Python 2.
func (m *machine) reprLine() (any, error) {
	s, err := m.line()
	if err != nil {
		return nil, err
	}
	return quoted(s)
}

func quoted(s string) (any, error) {
	if len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '\'' && s[0] != '"' {
		return nil, invalid("a string without quotes")
	}
	s = s[1 : len(s)-1]
	var b []byte
	for len(s) > 0 {
		if strings.HasPrefix(s, `\'`) || strings.HasPrefix(s, `\"`) {
			b, s = append(b, s[1]), s[2:]
			continue
		}
		c, wide, tail, err := strconv.UnquoteChar(s, 0)
		if err != nil {
			return nil, invalid("a bad escape in a string")
		}
		if wide {
			b = utf8.AppendRune(b, c)
		} else {
			b = append(b, byte(c))
		}
		s = tail
	}
	return python2(b), nil
}

// textLine reads a line of raw-unicode-escape.
func (m *machine) textLine() (any, error) {
	s, err := m.line()
	if err != nil {
		return nil, err
	}
	return rawUnicode(s)
}

// rawUnicode reads Latin-1 text in which \uXXXX and \UXXXXXXXX are escapes.
func rawUnicode(s string) (any, error) {
	var b []byte
	for i := 0; i < len(s); {
		n := 0
		if s[i] == '\\' && i+1 < len(s) {
			n = map[byte]int{'u': 4, 'U': 8}[s[i+1]]
		}
		if n == 0 {
			b = utf8.AppendRune(b, rune(s[i]))
			i++
			continue
		}
		if i+2+n > len(s) {
			return nil, invalid("a bad escape in text")
		}
		r, err := strconv.ParseUint(s[i+2:i+2+n], 16, 32)
		if err != nil || !utf8.ValidRune(rune(r)) {
			return nil, invalid("a bad escape in text")
		}
		b = utf8.AppendRune(b, rune(r))
		i += 2 + n
	}
	return string(b), nil
}
