package weights

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// strictJSON reads JSON that is UTF-8 already, such as the header of a safetensors
// file, strictly: encoding/json takes the last of two equal keys, ignores case, and
// mends surrogates that stand alone, where the format refuses.
type strictJSON struct {
	s   string
	pos int
}

// syntax is what is wrong with the text, and where.
type syntax struct {
	what string
	pos  int
}

func (e *syntax) Error() string { return e.what + " at byte " + strconv.Itoa(e.pos) }

func (j *strictJSON) wrong(what string) error { return &syntax{what, j.pos} }

func (j *strictJSON) space() {
	for j.pos < len(j.s) {
		switch j.s[j.pos] {
		case ' ', '\t', '\r', '\n':
			j.pos++
		default:
			return
		}
	}
}

// take passes over c if it comes next.
func (j *strictJSON) take(c byte) bool {
	j.space()
	if j.pos < len(j.s) && j.s[j.pos] == c {
		j.pos++
		return true
	}
	return false
}

func (j *strictJSON) literal(word string) bool {
	j.space()
	if strings.HasPrefix(j.s[j.pos:], word) {
		j.pos += len(word)
		return true
	}
	return false
}

// object reads {"key": …} and calls value at each key's value.
func (j *strictJSON) object(value func(key string) error) error {
	if !j.take('{') {
		return j.wrong("no object")
	}
	if j.take('}') {
		return nil
	}
	for {
		key, err := j.str()
		if err != nil {
			return err
		}
		if !j.take(':') {
			return j.wrong("no colon after a key")
		}
		if err := value(key); err != nil {
			return err
		}
		if j.take('}') {
			return nil
		}
		if !j.take(',') {
			return j.wrong("no comma between members")
		}
	}
}

// array reads […] and calls value at each element.
func (j *strictJSON) array(value func() error) error {
	if !j.take('[') {
		return j.wrong("no array")
	}
	if j.take(']') {
		return nil
	}
	for {
		if err := value(); err != nil {
			return err
		}
		if j.take(']') {
			return nil
		}
		if !j.take(',') {
			return j.wrong("no comma between elements")
		}
	}
}

// str reads a string. One without escapes shares the text's memory.
func (j *strictJSON) str() (string, error) {
	if !j.take('"') {
		return "", j.wrong("no string")
	}
	start, escaped := j.pos, false
	for ; j.pos < len(j.s); j.pos++ {
		switch c := j.s[j.pos]; {
		case c == '"':
			text := j.s[start:j.pos]
			j.pos++
			if escaped {
				return j.unescape(text)
			}
			return text, nil
		case c == '\\':
			escaped = true
			j.pos++
		case c < ' ':
			return "", j.wrong("a control character in a string")
		}
	}
	return "", j.wrong("a string without an end")
}

// unescape leaves the escapes themselves to encoding/json, but not its mending of
// surrogates that stand alone: it puts U+FFFD for them.
func (j *strictJSON) unescape(text string) (string, error) {
	var s string
	if err := json.Unmarshal([]byte(`"`+text+`"`), &s); err != nil {
		return "", j.wrong("a bad escape")
	}
	if strings.ContainsRune(s, utf8.RuneError) && !strings.ContainsRune(text, utf8.RuneError) && !strings.Contains(strings.ToLower(text), `\ufffd`) {
		return "", j.wrong("half a surrogate pair")
	}
	return s, nil
}

// uint reads a whole number that an int64 can hold, without sign, fraction, exponent
// or leading zeros.
func (j *strictJSON) uint() (int64, error) {
	j.space()
	start := j.pos
	for j.pos < len(j.s) && '0' <= j.s[j.pos] && j.s[j.pos] <= '9' {
		j.pos++
	}
	digits := j.s[start:j.pos]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || len(digits) > 1 && digits[0] == '0' {
		return 0, j.wrong("no whole number")
	}
	if j.pos < len(j.s) && strings.IndexByte(".eE", j.s[j.pos]) >= 0 {
		return 0, j.wrong("no whole number")
	}
	return n, nil
}

// skip passes over any value; nested deeper than depth it is an error.
func (j *strictJSON) skip(depth int) error {
	j.space()
	if j.pos == len(j.s) {
		return j.wrong("no value")
	}
	if depth == 0 {
		return j.wrong("nesting too deep")
	}
	switch c := j.s[j.pos]; c {
	case '{':
		return j.object(func(string) error { return j.skip(depth - 1) })
	case '[':
		return j.array(func() error { return j.skip(depth - 1) })
	case '"':
		_, err := j.str()
		return err
	}
	start := j.pos
	for j.pos < len(j.s) && strings.IndexByte(",]} \t\r\n", j.s[j.pos]) < 0 {
		j.pos++
	}
	if !json.Valid([]byte(j.s[start:j.pos])) {
		return j.wrong("no value")
	}
	return nil
}

// end passes over blanks at the end; anything else there is an error.
func (j *strictJSON) end() error {
	j.space()
	if j.pos < len(j.s) {
		return j.wrong("text after the end")
	}
	return nil
}
