package dataset

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// naWords are the cells that pandas reads as null, in text columns too.
var naWords = []string{"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
	"<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"}

// csvSource is a CSV file with a header, read as pandas reads it: opening reads the
// whole file once to learn each column's type (integers, else floats, bools, text).
type csvSource struct {
	file    File
	comma   byte
	na      map[string]bool
	columns []Column
	keep    []bool // columns whose cells are text as they stand
	rows    int
	marks   []int64
}

func openCSV(f File, o *options) (Source, error) {
	s := &csvSource{file: f, comma: ',', na: o.na}
	if innerExt(f.Name) == ".tsv" {
		s.comma = '\t'
	}
	if o.comma != 0 {
		s.comma = o.comma
	}
	if err := s.survey(o); err != nil {
		return nil, failed(Invalid, f.Name, err)
	}
	return s, nil
}

func (s *csvSource) Columns() []Column { return s.columns }
func (s *csvSource) Len() int          { return s.rows }
func (s *csvSource) Close() error      { return nil }

func (s *csvSource) survey(o *options) error {
	r, err := s.file.openText()
	if err != nil {
		return err
	}
	defer r.Close()
	in := newCSVStream(r, s.comma)
	in.bom()
	header, _, err := in.next()
	if err == io.EOF {
		return fail(Invalid, s.file.Name, "no header")
	}
	if err != nil {
		return err
	}
	s.header(header, o)
	guesses := make([]guess, len(s.columns))
	for {
		cells, at, err := in.next()
		if err == io.EOF {
			break
		}
		if err == nil && len(cells) > len(s.columns) {
			err = fail(Invalid, s.file.Name, "line %d has %d fields, want %d", in.line, len(cells), len(s.columns))
		}
		if err != nil {
			return err
		}
		if s.rows%markEvery == 0 {
			s.marks = append(s.marks, at)
		}
		s.rows++
		for i := range guesses {
			if i < len(cells) && !s.na[cells[i]] {
				guesses[i].see(cells[i])
			} else {
				guesses[i].nulls = true
			}
		}
	}
	for i := range guesses {
		s.columns[i].Type = guesses[i].verdict(s.rows, s.keep[i])
	}
	return nil
}

// header names the columns: a name that is there already gets a number, an empty
// one its place, as in pandas.
func (s *csvSource) header(names []string, o *options) {
	seen := map[string]bool{}
	for i, name := range names {
		if name == "" {
			name = fmt.Sprintf("Unnamed: %d", i)
		}
		unique := name
		for n := 1; seen[unique]; n++ {
			unique = fmt.Sprintf("%s.%d", name, n)
		}
		seen[unique] = true
		s.columns = append(s.columns, Column{Name: unique})
		s.keep = append(s.keep, o.keeps(unique))
	}
}

func (s *csvSource) Rows(ctx context.Context, from int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		if from >= s.rows {
			return
		}
		r, err := s.file.openText()
		if err == nil {
			defer r.Close()
			err = seekTo(r, s.marks[from/markEvery], s.file.Name)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		in := newCSVStream(r, s.comma)
		for i := from - from%markEvery; i < s.rows; i++ {
			cells, _, err := in.next()
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(nil, failed(Truncated, s.file.Name+"#"+strconv.Itoa(i), changed(err)))
				return
			}
			if i >= from && !yield(s.row(cells), nil) {
				return
			}
		}
	}
}

func (s *csvSource) row(cells []string) []any {
	out := make([]any, len(s.columns))
	for i := range min(len(cells), len(out)) {
		if s.keep[i] {
			out[i] = cells[i]
		} else if !s.na[cells[i]] {
			out[i] = cellValue(cells[i], s.columns[i].Type.Kind)
		}
	}
	return out
}

func cellValue(cell string, k Kind) any {
	switch k {
	case Bool:
		return strings.EqualFold(cell, "true")
	case Int64:
		n, _ := strconv.ParseInt(strings.TrimSpace(cell), 10, 64)
		return n
	case Uint64:
		n, _ := strconv.ParseUint(strings.TrimSpace(cell), 10, 64)
		return n
	case Float64:
		f, _ := parseFloat(cell)
		return f
	}
	return cell
}

// guess narrows down what the cells of a column can all be.
type guess struct {
	seen, nulls                           bool
	noInt, noUint, noFloat, noBool, large bool
}

func (g *guess) see(cell string) {
	g.seen = true
	if !g.noInt || !g.noUint {
		t := strings.TrimSpace(cell)
		_, errInt := strconv.ParseInt(t, 10, 64)
		_, errUint := strconv.ParseUint(t, 10, 64)
		g.noInt = g.noInt || errInt != nil
		g.noUint = g.noUint || errUint != nil
		g.large = g.large || errInt != nil && errUint == nil
	}
	if !g.noFloat {
		_, ok := parseFloat(cell)
		g.noFloat = !ok
	}
	if !g.noBool {
		g.noBool = !slices.Contains([]string{"True", "TRUE", "true", "False", "FALSE", "false"}, cell)
	}
}

func (g *guess) verdict(rows int, keep bool) Type {
	switch {
	case rows == 0:
		return Type{}
	case keep:
		return Type{Kind: String}
	case !g.seen:
		return Type{Kind: Float64} // pandas' column of NaN
	case !g.noBool:
		return Type{Kind: Bool}
	case (!g.noInt || !g.noUint) && g.nulls:
		return Type{Kind: Float64}
	case !g.noInt:
		return Type{Kind: Int64}
	case !g.noUint:
		return Type{Kind: Uint64}
	case !g.noFloat && !g.large:
		return Type{Kind: Float64}
	}
	return Type{Kind: String}
}

// parseFloat reads a number in decimal, or an infinity.
func parseFloat(cell string) (float64, bool) {
	t := strings.TrimSpace(cell)
	if t == "" || strings.Trim(t, "0123456789+-.eE") != "" {
		if w := strings.ToLower(strings.TrimLeft(t, "+-")); w != "inf" && w != "infinity" {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(t, 64)
	if err != nil && err.(*strconv.NumError).Err != strconv.ErrRange {
		return 0, false
	}
	return f, true
}

// csvStream cuts a stream into records: quotes as in RFC 4180, lines that end in LF,
// CRLF or a lone CR, empty lines passed over.
type csvStream struct {
	r      *bufio.Reader
	comma  byte
	offset int64
	line   int
	cell   []byte

	lastByte byte
}

func newCSVStream(r io.Reader, comma byte) *csvStream {
	return &csvStream{r: bufio.NewReaderSize(r, 64<<10), comma: comma}
}

// bom skips a UTF-8 byte order mark.
func (in *csvStream) bom() {
	if b, _ := in.r.Peek(3); string(b) == "\xef\xbb\xbf" {
		n, _ := in.r.Discard(3)
		in.offset += int64(n)
	}
}

// read returns the next byte; a CR, or CR and LF, is one LF outside quotes.
func (in *csvStream) read(quoted bool) (byte, error) {
	c, err := in.r.ReadByte()
	if err != nil {
		return 0, err
	}
	in.offset++
	switch {
	case c == 0:
		return 0, fail(Invalid, "", "NUL byte in line %d", in.line+1)
	case c == '\r' && !quoted:
		if b, _ := in.r.Peek(1); len(b) == 1 && b[0] == '\n' {
			in.r.ReadByte()
			in.offset++
		}
		c = '\n'
	}
	if c == '\n' {
		in.line++
	}
	in.lastByte = c
	return c, nil
}

// next returns the cells of the next record and where it begins; io.EOF at the end.
func (in *csvStream) next() ([]string, int64, error) {
	at := in.offset
	c, err := in.read(false)
	for err == nil && c == '\n' {
		at = in.offset
		c, err = in.read(false)
	}
	if err != nil {
		return nil, 0, err
	}
	cells := make([]string, 0, 8)
	for total := 0; ; {
		end, err := in.readCell(c)
		if err != nil {
			return nil, 0, err
		}
		if !utf8.Valid(in.cell) {
			return nil, 0, fail(Invalid, "", "line %d is not UTF-8", in.line)
		}
		if total += len(in.cell); total > maxRow {
			return nil, 0, fail(Limit, "", "a record of more than %d bytes", maxRow)
		}
		cells = append(cells, string(in.cell))
		if end {
			return cells, at, nil
		}
		if c, err = in.read(false); err == io.EOF {
			return append(cells, ""), at, nil
		} else if err != nil {
			return nil, 0, err
		}
	}
}

// readCell reads the cell that begins with c and reports whether it ends its record.
func (in *csvStream) readCell(c byte) (end bool, err error) {
	in.cell = in.cell[:0]
	if c == '"' {
		if err := in.quoted(); err != nil {
			return false, err
		}
		if c, err = in.read(false); err == io.EOF {
			return true, nil
		}
	}
	for ; err == nil; c, err = in.read(false) {
		switch {
		case c == '\n':
			return true, nil
		case c == in.comma:
			return false, nil
		}
		in.cell = append(in.cell, c)
		if len(in.cell) > maxRow {
			return false, fail(Limit, "", "a cell of more than %d bytes", maxRow)
		}
	}
	if err == io.EOF {
		return true, nil
	}
	return false, err
}

// quoted reads to the closing quote; two quotes are one.
func (in *csvStream) quoted() error {
	begin := in.line + 1
	for {
		c, err := in.read(true)
		if err == io.EOF {
			return fail(Truncated, "", "the quote opened in line %d is not closed", begin)
		}
		if err != nil {
			return err
		}
		if c == '"' {
			if b, _ := in.r.Peek(1); len(b) == 0 || b[0] != '"' {
				return nil
			}
			in.r.ReadByte()
			in.offset++
		}
		if in.cell = append(in.cell, c); len(in.cell) > maxRow {
			return fail(Limit, "", "a cell of more than %d bytes", maxRow)
		}
	}
}
