package dataset

import (
	"bytes"
	"io"
	"io/fs"
)

// jsonStream cuts a stream into its JSON values, in memory for the longest of them.
// It finds where they end and leaves reading them to parseJSON.
type jsonStream struct {
	r     fs.File
	where string
	array bool // the values stand in an array whose bracket was read
	inner bool // the rows are a part of a larger value: what follows them is not looked at

	buf   []byte
	i     int   // the next byte in buf
	base  int64 // where buf begins in the file
	eof   bool
	count int // values so far
}

// next returns the bytes of the next value, valid until the next call, and where it
// begins; io.EOF after the last one.
func (in *jsonStream) next() ([]byte, int64, error) {
	c, err := in.peek()
	if in.array {
		c, err = in.element(c, err)
	} else if in.inner && in.count > 0 {
		err = io.EOF
	}
	if err != nil {
		return nil, 0, err
	}
	in.count++
	return in.cut(c)
}

// element goes from the end of one element of an array to the begin of the next.
func (in *jsonStream) element(c byte, err error) (byte, error) {
	if err == nil && in.count > 0 && c == ',' {
		in.i++
		if c, err = in.peek(); c == ']' {
			return 0, fail(Invalid, in.where, "comma before the end of the array")
		}
	} else if err == nil && in.count > 0 && c != ']' {
		return 0, fail(Invalid, in.where, "no comma at byte %d", in.offset())
	}
	if err == nil && c == ']' {
		return 0, in.end()
	}
	if err == io.EOF {
		err = fail(Truncated, in.where, "the array is not closed")
	}
	return c, err
}

// end reads the closing bracket and sees that nothing follows.
func (in *jsonStream) end() error {
	in.i++
	if in.inner {
		return io.EOF
	}
	if _, err := in.peek(); err != io.EOF {
		return fail(Invalid, in.where, "text after the array")
	}
	return io.EOF
}

// cut finds the end of the value that begins here with c.
func (in *jsonStream) cut(c byte) ([]byte, int64, error) {
	if c == '}' || c == ']' || c == ',' || c == ':' {
		return nil, 0, fail(Invalid, in.where, "no value at byte %d", in.offset())
	}
	start, at := in.i, in.offset()
	depth, quoted := 0, false
	for {
		for in.i < len(in.buf) {
			c := in.buf[in.i]
			switch {
			case quoted:
				if c == '\\' {
					in.i++ // the byte after it is none of the quotes that matter
				}
				quoted = c != '"'
			case c == '"':
				quoted = true
			case c == '{' || c == '[':
				depth++
			case (c == '}' || c == ']' || c == ',' || isSpace(c)) && depth == 0 && in.i > start:
				return in.buf[start:in.i], at, nil
			case c == '}' || c == ']':
				depth--
			}
			in.i++
			if depth == 0 && !quoted && (c == '}' || c == ']' || c == '"') {
				return in.buf[start:min(in.i, len(in.buf))], at, nil
			}
		}
		err := in.fill(start)
		start = 0
		if err == io.EOF && depth == 0 && !quoted {
			return in.buf[start:], at, nil
		}
		if err != nil {
			return nil, 0, failed(Truncated, in.where, changed(err))
		}
	}
}

// enter goes into the outermost object to the value of key.
func (in *jsonStream) enter(key string) error {
	if c, err := in.peek(); err != nil || c != '{' {
		return fail(Invalid, in.where, "not an object with the field %q", key)
	}
	in.i++
	for {
		c, err := in.peek()
		if err != nil || c != '"' {
			return fail(Missing, in.where, "no field %q", key)
		}
		b, _, err := in.cut(c)
		if err != nil {
			return err
		}
		name, err := parseJSON(b)
		if err != nil {
			return err
		}
		if c, err := in.peek(); err != nil || c != ':' {
			return fail(Invalid, in.where, "no colon at byte %d", in.offset())
		}
		in.i++
		c, err = in.peek()
		if err != nil || name == key {
			return err
		}
		if _, _, err := in.cut(c); err != nil {
			return err
		}
		if c, err := in.peek(); err == nil && c == ',' {
			in.i++
		}
	}
}

func (in *jsonStream) offset() int64 { return in.base + int64(in.i) }

// peek skips white space and returns the next byte.
func (in *jsonStream) peek() (byte, error) {
	for {
		for in.i < len(in.buf) {
			if c := in.buf[in.i]; !isSpace(c) {
				return c, nil
			}
			in.i++
		}
		if err := in.fill(in.i); err != nil {
			return 0, err
		}
	}
}

// bom skips a UTF-8 byte order mark.
func (in *jsonStream) bom() error {
	for len(in.buf) < 3 {
		if err := in.fill(0); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	if bytes.HasPrefix(in.buf, []byte("\xef\xbb\xbf")) {
		in.i = 3
	}
	return nil
}

// seek begins at a value.
func (in *jsonStream) seek(at int64) error {
	in.base = at
	return seekTo(in.r, at, in.where)
}

// seekTo goes to a place in a file that may only be readable forwards.
func seekTo(r fs.File, at int64, where string) error {
	if s, ok := r.(io.Seeker); ok {
		_, err := s.Seek(at, io.SeekStart)
		return failed(Invalid, where, err)
	}
	_, err := io.CopyN(io.Discard, r, at)
	return failed(Truncated, where, err)
}

// fill reads more, keeping what buf holds from keep on, which becomes its begin.
func (in *jsonStream) fill(keep int) error {
	if in.eof {
		return io.EOF
	}
	keep = min(keep, len(in.buf))
	n := copy(in.buf, in.buf[keep:])
	in.base += int64(keep)
	in.i -= keep
	in.buf = in.buf[:n]
	if n > maxRow {
		return fail(Limit, in.where, "a JSON value of more than %d bytes", maxRow)
	}
	if cap(in.buf)-n < 32<<10 {
		in.buf = append(make([]byte, 0, max(64<<10, 2*cap(in.buf))), in.buf...)
	}
	m, err := io.ReadAtLeast(in.r, in.buf[n:cap(in.buf)], 1)
	in.buf = in.buf[:n+m]
	in.eof = err == io.EOF
	return err
}
