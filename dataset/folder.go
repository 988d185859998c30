package dataset

import (
	"context"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"
)

const imageFolder = "imagefolder"

// pictureExts are the extensions of pictures, in lower case: those that the datasets
// library takes for pictures and package imageio can be asked to decode.
var pictureExts = map[string]bool{}

func init() {
	for e := range strings.FieldsSeq(`.png .apng .jpg .jpeg .jpe .jfif .jif .webp .gif .bmp .dib .tif .tiff .avif .avifs .heic .heif
		.blp .bufr .cur .dcx .dds .emf .eps .fit .fits .flc .fli .fpx .ftc .ftu .gbr .grib .h5 .hdf .icb .icns .ico .iim .im .j2c .j2k .jp2 .jpc .jpf .jpx
		.mpo .msp .pbm .pcd .pcx .pgm .pnm .ppm .ps .psd .pxr .ras .rgb .rgba .sgi .tga .vda .vst .wmf .xbm .xpm .bw`) {
		pictureExts[e] = true
	}
}

func isPicture(name string) bool { return pictureExts[ext(name)] }

// isMetadata reports whether the file says what is known about the pictures beside it.
func isMetadata(name string) bool {
	switch path.Base(name) {
	case "metadata.csv", "metadata.jsonl", "metadata.parquet":
		return true
	}
	return false
}

// place is one file of an image folder: on disk, or a member of a zip archive.
type place struct {
	path    string // the file, or the archive
	member  string
	archive *archive
}

// name is the name that order and metadata go by.
func (p place) name() string {
	if p.archive != nil {
		return p.member
	}
	return p.path
}

func (p place) image() Image {
	m := Image{Path: p.path, Member: p.member}
	if p.archive != nil {
		m.from = p.archive
	}
	return m
}

// unpack lists the files of an image folder, with the members of its archives.
func unpack(names []string, o *options) ([]place, []*archive, error) {
	var places []place
	var archives []*archive
	for _, name := range names {
		if ext(name) != ".zip" {
			places = append(places, place{path: name})
			continue
		}
		a, err := openArchive(File{name, o.fsys})
		if err != nil {
			closeAll(archives)
			return nil, nil, err
		}
		archives = append(archives, a)
		for _, member := range a.names() {
			if !hidden(member) {
				places = append(places, place{name, member, a})
			}
		}
	}
	return places, archives, nil
}

func closeAll(archives []*archive) {
	for _, a := range archives {
		a.Close()
	}
}

// openFolder opens the files of a split as pictures: with the metadata that stands
// beside them, else with captions, else with the labels that all splits' folders give.
func openFolder(names []string, all [][]string, o *options) (Source, []string, error) {
	places, archives, err := unpack(names, o)
	if err != nil {
		return nil, nil, err
	}
	src, tables, err := folderSource(places, all, o)
	if err != nil {
		closeAll(archives)
		return nil, nil, err
	}
	if len(archives) > 0 {
		return &closing{src, archives}, tables, nil
	}
	return src, tables, nil
}

// closing is a source that archives belong to.
type closing struct {
	Source
	archives []*archive
}

func (c *closing) Close() error {
	closeAll(c.archives)
	return c.Source.Close()
}

// folderSource returns the rows, and the tables they come from.
func folderSource(places []place, all [][]string, o *options) (Source, []string, error) {
	var metas []place
	for _, p := range places {
		if isMetadata(p.name()) {
			metas = append(metas, p)
		}
	}
	if len(metas) > 0 {
		return openMetadata(metas, o)
	}
	slices.SortStableFunc(places, func(a, b place) int { return strings.Compare(a.path+"\x00"+a.member, b.path+"\x00"+b.member) })
	s := &pictureSource{columns: []Column{{"image", Type{Kind: Picture}}}, fsys: o}
	captions := map[string]place{}
	for _, p := range places {
		switch {
		case isPicture(p.name()):
			s.places = append(s.places, p)
		case ext(p.name()) == ".txt":
			captions[stem(p.name())] = p
		}
	}
	for _, p := range s.places {
		if c, ok := captions[stem(p.name())]; ok {
			s.captions = append(s.captions, c)
		} else {
			s.captions = append(s.captions, place{})
		}
	}
	if len(captions) > 0 {
		s.columns = append(s.columns, Column{"text", Type{Kind: String}})
		return s, nil, nil
	}
	s.captions = nil
	s.label(places, all)
	return s, nil, nil
}

func stem(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }

// label makes the last folder of each picture its label, if the pictures of all
// splits are equally deep and in more than one folder.
func (s *pictureSource) label(places []place, all [][]string) {
	names := map[string]bool{}
	depths := map[int]bool{}
	see := func(name string) {
		depths[strings.Count(name, "/")] = true
		names[folderOf(name)] = true
	}
	for _, split := range all {
		for _, name := range split {
			if isPicture(name) {
				see(name)
			}
		}
	}
	for _, p := range places {
		if p.archive != nil && isPicture(p.member) {
			see(p.member)
		}
	}
	if len(depths) != 1 || len(names) < 2 {
		return
	}
	for name := range names {
		s.labels = append(s.labels, name)
	}
	slices.Sort(s.labels)
	s.columns = append(s.columns, Column{"label", Type{Kind: Int64, Names: s.labels}})
}

func folderOf(name string) string { return path.Base(path.Dir(name)) }

// pictureSource is a list of pictures without metadata.
type pictureSource struct {
	columns  []Column
	places   []place
	captions []place // beside each picture, or nil
	labels   []string
	fsys     *options
}

func (s *pictureSource) Columns() []Column { return s.columns }
func (s *pictureSource) Len() int          { return len(s.places) }
func (s *pictureSource) Close() error      { return nil }

func (s *pictureSource) Rows(ctx context.Context, from int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i := from; i < len(s.places); i++ {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			if !yield(s.row(i)) {
				return
			}
		}
	}
}

func (s *pictureSource) row(i int) ([]any, error) {
	row := make([]any, len(s.columns))
	row[0] = s.places[i].image()
	switch {
	case s.captions != nil:
		if s.captions[i] == (place{}) {
			return row, nil
		}
		text, err := s.caption(s.captions[i])
		row[1] = text
		return row, err
	case s.labels != nil:
		n, _ := slices.BinarySearch(s.labels, folderOf(s.places[i].name()))
		row[1] = int64(n)
	}
	return row, nil
}

// caption reads the text beside a picture, without the white space around it.
func (s *pictureSource) caption(p place) (any, error) {
	m := p.image()
	if m.from == nil {
		m.from = &files{fsys: s.fsys.fsys}
	}
	r, err := m.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := readLimited(r, m.String(), 1<<20)
	if err != nil {
		return nil, err
	}
	text := strings.TrimPrefix(string(b), "\ufeff")
	if strings.ToValidUTF8(text, "") != text {
		return nil, fail(Invalid, m.String(), "not UTF-8")
	}
	return strings.TrimSpace(text), nil
}

// openMetadata opens the tables beside the pictures and reads their file names as
// pictures.
func openMetadata(metas []place, o *options) (Source, []string, error) {
	kind := ext(metas[0].name())
	var parts []Source
	var names []string
	for _, p := range metas {
		if ext(p.name()) != kind {
			return nil, nil, fail(Invalid, p.path, "metadata in %s beside metadata in %s", ext(p.name()), kind)
		}
		table, err := openTable(p, o)
		if err != nil {
			return nil, nil, err
		}
		m, err := newMetadata(p, table)
		if err != nil {
			return nil, nil, err
		}
		parts, names = append(parts, m), append(names, p.image().String())
	}
	src, err := join(parts, names, kind != ".parquet")
	return src, names, err
}

func openTable(p place, o *options) (Source, error) {
	f := File{p.path, o.fsys}
	if p.archive != nil {
		f = File{p.member, p.archive.zip}
	}
	plain := *o
	plain.comma, plain.field = 0, ""
	switch ext(p.name()) {
	case ".csv":
		return openCSV(f, &plain)
	case ".jsonl":
		return openJSON(f, &plain)
	}
	return openParquet(f, &plain)
}

// metadata is a table whose file names are read as pictures: file_name becomes the
// column image, x_file_name x, and file_names images.
type metadata struct {
	Source
	place   place
	columns []Column
	from    []int // which column of the table each is
}

func newMetadata(p place, table Source) (*metadata, error) {
	m := &metadata{Source: table, place: p}
	var rest []Column
	var restFrom []int
	for i, c := range table.Columns() {
		name, t, ok := pictureColumn(c)
		if !ok {
			rest, restFrom = append(rest, c), append(restFrom, i)
			continue
		}
		m.columns, m.from = append(m.columns, Column{name, t}), append(m.from, i)
	}
	if len(m.columns) == 0 { // Data-Juicer's form: the column image names them
		for i := range rest {
			if t, ok := namesPictures(rest[i]); ok {
				rest[i].Type = t
				m.columns, m.from = rest, restFrom
				return m, nil
			}
		}
		return nil, fail(Missing, p.name(), "no column file_name, file_names or one that ends so")
	}
	m.columns, m.from = append(m.columns, rest...), append(m.from, restFrom...)
	return m, nil
}

// namesPictures reports whether the column is image or images, with paths or lists of
// them, and the type that they have as pictures.
func namesPictures(c Column) (Type, bool) {
	one := Type{Kind: Picture}
	switch t := c.Type; {
	case c.Name != "image" && c.Name != "images":
	case t.Kind == String:
		return one, true
	case t.Kind == List && t.Elem.Kind == String:
		return Type{Kind: List, Elem: &one}, true
	}
	return Type{}, false
}

func pictureColumn(c Column) (string, Type, bool) {
	one := Type{Kind: Picture}
	list := Type{Kind: List, Elem: &one}
	for _, r := range []struct {
		suffix, alone string
		t             Type
	}{{"file_names", "images", list}, {"file_name", "image", one}} {
		if c.Name == r.suffix {
			return r.alone, r.t, true
		}
		if name, ok := strings.CutSuffix(c.Name, "_"+r.suffix); ok && name != "" {
			return name, r.t, true
		}
	}
	return "", Type{}, false
}

func (m *metadata) Columns() []Column { return m.columns }

func (m *metadata) Rows(ctx context.Context, from int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for row, err := range m.Source.Rows(ctx, from) {
			if row == nil {
				yield(nil, err)
				return
			}
			out, bad := m.row(row)
			if err == nil {
				err = bad
			}
			if !yield(out, err) {
				return
			}
		}
	}
}

func (m *metadata) row(row []any) ([]any, error) {
	out := make([]any, len(m.columns))
	var bad error
	for i, j := range m.from {
		out[i] = row[j]
		if k := m.columns[i].Type.Kind; row[j] == nil || k != Picture && !m.isList(i) {
			continue
		}
		v, err := m.picture(row[j])
		if err != nil {
			bad = err
		}
		out[i] = v
	}
	return out, bad
}

func (m *metadata) isList(i int) bool {
	t := m.columns[i].Type
	return t.Kind == List && t.Elem.Kind == Picture
}

// picture turns a file name of the table, or a list of them, into pictures. Names
// begin at the table's folder and may not leave it.
func (m *metadata) picture(v any) (any, error) {
	switch v := v.(type) {
	case string:
		if !safeName(v) {
			return nil, fail(Invalid, m.place.name(), "file_name %q leaves the folder", v)
		}
		p := m.place
		full := path.Join(path.Dir(p.name()), v)
		if p.archive != nil {
			p.member = full
		} else {
			p.path = full
		}
		return p.image(), nil
	case []any:
		list := make([]any, len(v))
		var bad error
		for i, e := range v {
			var err error
			if list[i], err = m.picture(e); err != nil {
				bad = err
			}
		}
		return list, bad
	case nil:
		return nil, nil
	}
	return nil, fail(Invalid, m.place.name(), "file_name is a %s", fmt.Sprint(typeOf(v, false)))
}
