package dataset

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"iter"
	"strconv"
	"unicode/utf8"
)

// textSource is a text file: a line is a row of the column "text".
type textSource struct {
	file  File
	rows  int
	marks []int64
}

func openText(f File, _ *options) (Source, error) {
	s := &textSource{file: f}
	in, err := s.begin(0)
	if err != nil {
		return nil, err
	}
	defer in.close()
	for {
		at := in.offset
		_, err := in.next()
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			return nil, failed(Invalid, f.Name+"#"+strconv.Itoa(s.rows), err)
		}
		if s.rows%markEvery == 0 {
			s.marks = append(s.marks, at)
		}
		s.rows++
	}
}

func (s *textSource) Columns() []Column { return []Column{{"text", Type{Kind: String}}} }
func (s *textSource) Len() int          { return s.rows }
func (s *textSource) Close() error      { return nil }

func (s *textSource) Rows(ctx context.Context, from int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		if from >= s.rows {
			return
		}
		in, err := s.begin(s.marks[from/markEvery])
		if err != nil {
			yield(nil, err)
			return
		}
		defer in.close()
		for i := from - from%markEvery; i < s.rows; i++ {
			line, err := in.next()
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(nil, failed(Truncated, s.file.Name+"#"+strconv.Itoa(i), changed(err)))
				return
			}
			if i >= from && !yield([]any{line}, nil) {
				return
			}
		}
	}
}

// lines cuts a stream into lines that end in LF, CRLF or a lone CR.
type lines struct {
	r      *bufio.Reader
	close  func() error
	offset int64
}

func (s *textSource) begin(at int64) (*lines, error) {
	r, err := s.file.openText()
	if err != nil {
		return nil, err
	}
	if err := seekTo(r, at, s.file.Name); err != nil {
		r.Close()
		return nil, err
	}
	in := &lines{r: bufio.NewReaderSize(r, 64<<10), close: r.Close, offset: at}
	if b, _ := in.r.Peek(3); at == 0 && string(b) == "\xef\xbb\xbf" {
		n, _ := in.r.Discard(3)
		in.offset = int64(n)
	}
	return in, nil
}

func (in *lines) next() (string, error) {
	var line bytes.Buffer
	for {
		c, err := in.r.ReadByte()
		if err == io.EOF && line.Len() > 0 {
			break
		}
		if err != nil {
			return "", err
		}
		in.offset++
		if c == '\r' {
			if b, _ := in.r.Peek(1); len(b) == 1 && b[0] == '\n' {
				in.r.ReadByte()
				in.offset++
			}
			c = '\n'
		}
		if c == '\n' {
			break
		}
		if line.WriteByte(c); line.Len() > maxRow {
			return "", fail(Limit, "", "a line of more than %d bytes", maxRow)
		}
	}
	if !utf8.Valid(line.Bytes()) {
		return "", fail(Invalid, "", "not UTF-8")
	}
	return line.String(), nil
}
