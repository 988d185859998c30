package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// entry is a row of scores.csv.
type entry struct {
	ID         string
	Row        int     // of the sample in the dataset
	Picture    int     // in the sample
	Fit        float64 // cosine of picture and caption; NaN for one that could not be read
	Aesthetics float64 // NaN without a head
	Cut        int     // tokens of the caption that were not read
	Text       string
	Error      string // why there are no numbers
}

var columns = []string{"id", "row", "picture", "fit", "aesthetics", "cut", "text", "error"}

func (e entry) record() []string {
	number := func(v float64) string {
		if math.IsNaN(v) {
			return ""
		}
		return strconv.FormatFloat(v, 'g', 7, 64)
	}
	return []string{e.ID, strconv.Itoa(e.Row), strconv.Itoa(e.Picture), number(e.Fit), number(e.Aesthetics), strconv.Itoa(e.Cut), e.Text, e.Error}
}

func parseEntry(r []string) (e entry, err error) {
	if len(r) != len(columns) {
		return e, fmt.Errorf("%d columns, want %d", len(r), len(columns))
	}
	whole := func(s string) int {
		n, e := strconv.Atoi(s)
		err = errors.Join(err, e)
		return n
	}
	number := func(s string) float64 {
		if s == "" {
			return math.NaN()
		}
		v, e := strconv.ParseFloat(s, 64)
		err = errors.Join(err, e)
		return v
	}
	e = entry{ID: r[0], Row: whole(r[1]), Picture: whole(r[2]), Fit: number(r[3]), Aesthetics: number(r[4]), Cut: whole(r[5]), Text: r[6], Error: r[7]}
	return e, err
}

// table is scores.csv while it grows: whole rows are added at its end, a batch at a
// time, so that it is a valid file whenever the program stops.
type table struct {
	file *os.File
	csv  *csv.Writer
	has  map[string]bool // the ids of its rows
}

func tablePath(f flags) string { return filepath.Join(f.out, "scores.csv") }

// openTable begins a table, or goes on with one: behind its last whole row.
func openTable(f flags) (*table, error) {
	mode := os.O_RDWR | os.O_CREATE
	if !f.resume {
		mode |= os.O_TRUNC
	}
	file, err := os.OpenFile(tablePath(f), mode, 0o666)
	if err != nil {
		return nil, err
	}
	t := &table{file: file, csv: csv.NewWriter(file), has: map[string]bool{}}
	if err := t.begin(); err != nil {
		file.Close()
		return nil, err
	}
	return t, nil
}

func (t *table) begin() error {
	rows, end, err := read(t.file)
	if err != nil {
		return err
	}
	for _, e := range rows {
		t.has[e.ID] = true
	}
	if err := t.file.Truncate(end); err != nil {
		return err
	}
	if _, err := t.file.Seek(end, io.SeekStart); err != nil {
		return err
	}
	if end > 0 {
		return nil
	}
	if err := t.csv.Write(columns); err != nil {
		return err
	}
	return t.flush()
}

// read returns the whole rows of a table and where they end: a row that a crash cut off
// does not count.
func read(file *os.File) (rows []entry, end int64, err error) {
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	r := csv.NewReader(file)
	r.FieldsPerRecord = -1
	for {
		record, err := r.Read()
		at := r.InputOffset()
		if err == io.EOF || err == nil && at == info.Size() && !endsLine(file, at) {
			return rows, end, nil
		}
		switch {
		case err != nil:
			return rows, end, nil // the rest is a row that was cut inside quotes
		case end == 0 && !slices.Equal(record, columns):
			return nil, 0, fmt.Errorf("%s has other columns than %q: not a table to resume", file.Name(), columns)
		case end > 0:
			e, err := parseEntry(record)
			if err != nil {
				return nil, 0, fmt.Errorf("%s: %w", file.Name(), err)
			}
			rows = append(rows, e)
		}
		end = at
	}
}

// endsLine reports whether the byte before at is a line's end.
func endsLine(file *os.File, at int64) bool {
	var b [1]byte
	_, err := file.ReadAt(b[:], at-1)
	return err == nil && b[0] == '\n'
}

func (t *table) add(e entry) error {
	t.has[e.ID] = true
	return t.csv.Write(e.record())
}

func (t *table) flush() error {
	t.csv.Flush()
	return t.csv.Error()
}

func (t *table) close() error { return errors.Join(t.flush(), t.file.Close()) }
