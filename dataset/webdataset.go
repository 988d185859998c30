package dataset

import (
	"context"
	"hash/maphash"
	"io"
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What an archive may hold beyond its own size: more than ratioLimit times as much
// is a bomb, once it is more than ratioFloor bytes.
const (
	ratioLimit = 200
	ratioFloor = 8 << 20
)

// tarSource is a tar archive in WebDataset's form: the members of a sample stand one
// after another and share their name up to the first dot. Opening goes through all
// headers once: names, links, order and lengths are checked before the first row.
type tarSource struct {
	file    File
	url     string
	gzip    bool
	columns []Column
	json    map[string]Type // the columns parsed as JSON, and their types
	rows    int
	marks   []int64 // where the samples 0, 256, … begin; nil in a gzipped archive
}

func openTar(f File, o *options) (Source, error) {
	s := &tarSource{file: f, url: f.Name, gzip: ext(f.Name) == ".gz" || ext(f.Name) == ".tgz", json: map[string]Type{}}
	if o.dir != "" {
		s.url = path.Join(o.dir, f.Name)
	}
	if err := s.survey(); err != nil {
		return nil, failed(Invalid, f.Name, err)
	}
	return s, nil
}

func (s *tarSource) Columns() []Column { return s.columns }
func (s *tarSource) Len() int          { return s.rows }
func (s *tarSource) Close() error      { return nil }

// likeSamples is how many samples at the beginning must have the same members.
const likeSamples = 5

// survey goes through the archive's headers, and reads its first samples for the
// columns' types.
func (s *tarSource) survey() error {
	in, err := s.begin(0)
	if err != nil {
		return err
	}
	defer in.close()
	seen := map[uint64]bool{}
	seed := maphash.MakeSeed()
	for {
		smp, err := in.next(s.rows < likeSamples)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		for _, m := range smp.members {
			h := maphash.String(seed, m.name)
			if seen[h] {
				return fail(Invalid, s.file.Name, "the member %q is there twice", m.name)
			}
			seen[h] = true
		}
		if err := s.learn(smp); err != nil {
			return err
		}
		if s.rows%markEvery == 0 && !s.gzip {
			s.marks = append(s.marks, smp.at)
		}
		s.rows++
	}
	if s.columns != nil {
		s.columns = append(s.columns, Column{"__key__", Type{Kind: String}}, Column{"__url__", Type{Kind: String}})
	}
	return nil
}

// learn takes the columns from the first sample and sees that those after it have
// the same.
func (s *tarSource) learn(smp *tarSample) error {
	if s.rows >= likeSamples {
		return nil
	}
	types := make([]Column, len(smp.members))
	for i, m := range smp.members {
		v, err := s.decode(m)
		if err != nil {
			return err
		}
		types[i] = Column{m.kind, typeOf(v, false)}
	}
	if s.rows == 0 {
		s.columns = types
	}
	if len(types) != len(s.columns) {
		return fail(Invalid, s.file.Name, "sample %q has %d members, the one before %d: not in WebDataset's form", smp.key, len(types), len(s.columns))
	}
	for i, t := range types {
		j := slices.IndexFunc(s.columns, func(c Column) bool { return c.Name == t.Name })
		if j < 0 {
			return fail(Invalid, s.file.Name, "sample %q has a member %q that the one before has not: not in WebDataset's form", smp.key, t.Name)
		}
		s.columns[j].Type = merge(s.columns[j].Type, types[i].Type)
	}
	return nil
}

func (s *tarSource) Rows(ctx context.Context, from int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		if from >= s.rows {
			return
		}
		start, at := 0, int64(0)
		if s.marks != nil {
			start, at = from-from%markEvery, s.marks[from/markEvery]
		}
		in, err := s.begin(at)
		if err != nil {
			yield(nil, err)
			return
		}
		defer in.close()
		for i := start; i < s.rows; i++ {
			smp, err := in.next(i >= from)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(nil, failed(Truncated, s.file.Name+"#"+strconv.Itoa(i), changed(err)))
				return
			}
			if i < from {
				continue
			}
			row, err := s.row(smp)
			if !yield(row, err) {
				return
			}
		}
	}
}

// row orders a sample's members as the columns. A member that cannot be read, or is
// none of the columns, is the error of its row alone.
func (s *tarSource) row(smp *tarSample) ([]any, error) {
	row := make([]any, len(s.columns))
	row[len(row)-2], row[len(row)-1] = smp.key, s.url
	var bad error
	for _, m := range smp.members {
		i := slices.IndexFunc(s.columns[:len(row)-2], func(c Column) bool { return c.Name == m.kind })
		if i < 0 {
			bad = fail(Invalid, s.file.Name+":"+m.name, "no sample before it has a member %q", m.kind)
			continue
		}
		v, err := s.decode(m)
		if err != nil {
			bad = err
			continue
		}
		if t := s.columns[i].Type; t.Kind == Record && !equalTypes(merge(typeOf(v, false), t), t) {
			bad = fail(Invalid, s.file.Name+":"+m.name, "a %s, the samples before have a %s", typeOf(v, false), t)
			continue
		}
		row[i] = convert(v, s.columns[i].Type)
	}
	return row, bad
}

// decode reads a member by its extension: pictures, JSON, numbers and text; anything
// else is bytes.
func (s *tarSource) decode(m tarMember) (any, error) {
	where := s.file.Name + ":" + m.name
	last := m.kind[strings.LastIndexByte(m.kind, '.')+1:]
	switch {
	case pictureExts["."+strings.ToLower(last)]:
		return Image{Path: path.Base(m.name), Data: m.data}, nil
	case last == "json":
		v, err := parseJSON(m.data)
		return v, failed(Invalid, where, err)
	case last == "cls" || last == "cls2" || last == "index" || last == "inx" || last == "id":
		n, err := strconv.ParseInt(strings.TrimSpace(string(m.data)), 10, 64)
		if err != nil {
			return nil, fail(Invalid, where, "not a whole number")
		}
		return n, nil
	case last == "txt" || last == "text" || last == "transcript":
		if !utf8.Valid(m.data) {
			return nil, fail(Invalid, where, "not UTF-8")
		}
		return string(m.data), nil
	}
	return m.data, nil
}
