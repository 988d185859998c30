package dataset

import (
	"context"
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
