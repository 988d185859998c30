package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image/jpeg"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/imageio"
)

// everything is a sample with a column of every kind.
func everything(i int) *Sample {
	at := time.Date(2024, 8, 1, 12, 30, i%60, 250000000, time.UTC)
	return &Sample{ID: fmt.Sprint("made#", i), Fields: Struct{
		{"text", fmt.Sprintf("text %d, \"quoted\"\nline 二次元", i)},
		{"image", Image{Path: "x.png", Data: tinyPNG}},
		{"b", i%2 == 0}, {"i", int64(-i)}, {"u", uint64(1)<<63 + uint64(i)}, {"f32", float32(i) / 3}, {"f64", float64(i) / 3},
		{"bytes", []byte{0, byte(i)}}, {"at", at}, {"null", nil},
		{"list", []any{int64(1), nil, int64(i)}}, {"empty", []any{}},
		{"st", Struct{{"z", int64(i)}, {"a", []any{Struct{{"k", "v"}}, nil}}}},
		{"raw", JSON(`{"a": [1, 2.5]}`)},
	}}
}

var tinyPNG = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\b\x02\x00\x00\x00\x90wS\xde\x00\x00\x00\fIDATx\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00IEND\xaeB`\x82")

func columnsOf(s *Sample) []Column {
	var cols []Column
	for _, f := range s.Fields {
		cols = append(cols, Column{f.Name, typeOf(f.Value, false)})
	}
	return cols
}

func TestParquetRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.parquet")
	w, err := CreateParquet(path, columnsOf(everything(0)))
	if err != nil {
		t.Fatal(err)
	}
	const n = 2500 // several row groups
	for i := range n {
		s := everything(i)
		if i%7 == 3 {
			s = &Sample{Fields: Struct{{"text", "only"}}}
		}
		if err := w.Write(s); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the file has its name before Close")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Len() != n {
		t.Fatalf("%d rows, want %d", d.Len(), n)
	}
	i := 0
	for s, err := range d.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		want := everything(i)
		if i%7 == 3 {
			want = &Sample{Fields: Struct{{"text", "only"}}}
		}
		sameRow(t, s, want)
		i++
	}
	s, err := d.At(1234)
	if err != nil || i != n {
		t.Fatalf("%d rows, At: %v", i, err)
	}
	sameRow(t, s, everything(1234))
}

// sameRow compares what both have; where want lacks a column, have is null.
func sameRow(t *testing.T, have, want *Sample) {
	t.Helper()
	for _, f := range have.Fields {
		w, _ := want.Get(f.Name)
		if h, w := fmt.Sprintf("%T%v", plain(f.Value), plain(f.Value)), fmt.Sprintf("%T%v", plain(w), plain(w)); h != w {
			t.Errorf("%s: %s = %s, want %s", have.ID, f.Name, h, w)
		}
	}
}

// plain drops where a picture is read from.
func plain(v any) any {
	if m, ok := v.(Image); ok {
		b, _ := m.Bytes()
		return string(b)
	}
	if l, ok := v.([]any); ok {
		out := make([]any, len(l))
		for i := range l {
			out[i] = plain(l[i])
		}
		return out
	}
	return v
}

// TestParquetOfCases writes each dataset of the goldens as Parquet and reads it again.
func TestGoldenParquetOfCases(t *testing.T) {
	for _, dir := range golden.Glob(t, golden.Part(t, "dataset/cases"), "*") {
		d, err := Open(dir)
		if err != nil || len(d.Columns()) == 0 {
			continue
		}
		path := filepath.Join(t.TempDir(), "out.parquet")
		w, err := CreateParquet(path, d.Columns())
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		var rows []*Sample
		for s, err := range d.All(t.Context()) {
			if err == nil {
				err = w.Write(s)
			}
			if err == nil {
				rows = append(rows, s)
			}
		}
		if err := w.Close(); err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		again, err := Open(path)
		if err != nil || again.Len() != len(rows) {
			t.Errorf("%s: %v, %d rows, want %d", dir, err, again.Len(), len(rows))
			continue
		}
		for s, err := range again.All(t.Context()) {
			if err != nil {
				t.Errorf("%s: %v", dir, err)
			}
			sameRow(t, s, rows[0])
			rows = rows[1:]
		}
		d.Close()
		again.Close()
	}
}

func TestWebDatasetRoundTrip(t *testing.T) {
	pattern := filepath.Join(t.TempDir(), "out", "train-%06d.tar")
	write := func(from, to int, opts ...WriteOption) *Writer {
		t.Helper()
		w, err := CreateWebDataset(pattern, append(opts, Shards(10, 0))...)
		if err != nil {
			t.Fatal(err)
		}
		for i := max(from, w.Done()); i < to; i++ {
			s := everything(i)
			s.Delete("bytes")
			s.Delete("u")
			if err := w.Write(s); err != nil {
				t.Fatal(err)
			}
		}
		return w
	}
	write(0, 25).Abort()
	if list, _ := filepath.Glob(filepath.Join(filepath.Dir(pattern), "*.tar")); len(list) != 0 {
		t.Fatalf("%q before Close", list)
	}
	w := write(0, 35, Resume())
	if err := w.Close(); err != nil || w.Done() != 35 {
		t.Fatalf("%v, %d samples", err, w.Done())
	}
	d, err := Open(filepath.Dir(pattern))
	if err != nil || d.Len() != 35 {
		t.Fatalf("%v: %d samples", err, d.Len())
	}
	i := 0
	for s, err := range d.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		want := everything(i)
		if s.Text() != want.Text() || len(s.Images()) != 1 || !bytes.Equal(s.Images()[0].Data, tinyPNG) {
			t.Errorf("sample %d is %v", i, s.Fields)
		}
		i++
	}
	if i != 35 {
		t.Errorf("%d samples, want 35", i)
	}
}

func TestResumeLines(t *testing.T) {
	for _, c := range []struct {
		name   string
		create func(string, ...WriteOption) (*Writer, error)
	}{
		{"a.jsonl", CreateJSONL},
		{"a.csv", func(p string, o ...WriteOption) (*Writer, error) { return CreateCSV(p, []string{"n", "text"}, o...) }},
	} {
		row := func(i int) *Sample {
			return &Sample{Fields: Struct{{"n", int64(i)}, {"text", fmt.Sprintf("a \"b\"\n%d", i)}}}
		}
		dir := t.TempDir()
		path := filepath.Join(dir, c.name)
		var whole []byte
		for cut := -1; cut <= len(whole); cut++ {
			w, err := c.create(path, Resume())
			if err != nil {
				t.Fatal(err)
			}
			for i := w.Done(); i < 5; i++ {
				if err := w.Write(row(i)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			b, _ := os.ReadFile(path)
			if cut < 0 {
				whole = b
			} else if !bytes.Equal(b, whole) {
				t.Fatalf("%s: resumed after %d bytes: %q, want %q", c.name, cut, b, whole)
			}
			os.WriteFile(filepath.Join(dir, partialName(c.name)), whole[:min(len(whole), cut+1)], 0o666)
		}
	}
}

func TestFolderIsAtomic(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "train")
	os.MkdirAll(dir, 0o777)
	sample := func(text string) *Sample {
		return &Sample{Fields: Struct{{"image", Image{Data: tinyPNG}}, {"text", text}}}
	}
	w, err := CreateFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(sample("one"))
	if err := w.Write(&Sample{Fields: Struct{{"image", Image{Data: tinyPNG[:40]}}}}); err == nil {
		t.Error("a damaged picture was written")
	}
	w.Abort()
	if list, _ := os.ReadDir(dir); len(list) != 0 {
		t.Errorf("%v before Close", list)
	}
	if w, err = CreateFolder(dir, Resume()); err != nil || w.Done() != 1 {
		t.Fatalf("%v, %d done, want 1", err, w.Done())
	}
	w.Write(sample("two"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateFolder(dir); !errors.Is(err, Invalid) {
		t.Errorf("a full folder: %v, want a refusal", err)
	}
	if w, err = CreateFolder(dir, Replace(), WithMetadata(MetadataDataJuicer)); err != nil {
		t.Fatal(err)
	}
	w.Write(sample("三"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(filepath.Join(dir, "metadata.jsonl"))
	if want := "{\"text\": \"\\u4e09\", \"image\": [\"0.jpg\"]}\n"; string(b) != want {
		t.Errorf("%q, want %q", b, want)
	}
	list, _ := fs.Glob(os.DirFS(filepath.Dir(dir)), "*/*")
	if !slices.Equal(list, []string{"train/0.jpg", "train/metadata.jsonl"}) {
		t.Errorf("files %q", list)
	}
	d, err := Open(dir)
	if err != nil || d.Len() != 1 {
		t.Fatalf("%v, %d samples", err, d.Len())
	}
	if s, err := d.At(0); err != nil || s.Text() != "三" || s.Images()[0].Path != "0.jpg" {
		t.Errorf("%v %v", s, err)
	}
}

// TestGoldenCSV compares the trainer's metadata.csv with the bytes of pandas: exactly
// in pandas' own way, and by default but for cells with a lone CR, which are quoted,
// and with a NUL, which are refused.
func TestGoldenCSV(t *testing.T) {
	dir := golden.Part(t, "datajuicer/csv")
	captions := golden.JSON[[]string](t, filepath.Join(dir, "captions.json"))
	want := golden.Bytes(t, filepath.Join(dir, "metadata.csv"))
	have := captionsCSV(t, []string{"file_name", "text"}, captions, true)
	if !bytes.Equal(have, want) {
		t.Errorf("metadata.csv differs: %q, want %q", have, want)
	}
	result := golden.Bytes(t, filepath.Join(dir, "result.csv"))
	have = captionsCSV(t, []string{"text", "file_name"}, captions, true)
	if !bytes.Equal(bytes.TrimPrefix(have, []byte(byteOrderMark)), result) {
		t.Errorf("result.csv differs")
	}
	if have := captionsCSV(t, []string{"file_name", "text"}, nil, true); !bytes.Equal(have, golden.Bytes(t, filepath.Join(dir, "empty.csv"))) {
		t.Errorf("empty.csv is %q", have)
	}
	var line csvLines
	for _, c := range captions {
		plain, err := line.record(nil, []string{"x", c})
		strict, _ := (&csvLines{strict: true}).record(nil, []string{"x", c})
		switch {
		case strings.ContainsRune(c, 0):
			if err == nil {
				t.Errorf("%q was written", c)
			}
		case strings.ContainsRune(c, '\r') && !strings.ContainsAny(c, ",\"\n"):
			if bytes.Equal(plain, strict) {
				t.Errorf("%q is not quoted", c)
			}
		case !bytes.Equal(plain, strict):
			t.Errorf("%q, want %q", plain, strict)
		}
	}
	readBack(t, dir, want)
}

func captionsCSV(t *testing.T, columns, captions []string, strict bool) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "metadata.csv")
	w, err := CreateCSV(path, columns, func(o *writeOptions) error { o.strict = strict; return nil })
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range captions {
		if err := w.Write(&Sample{Fields: Struct{{"file_name", fmt.Sprintf("%d.jpg", i)}, {"text", c}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return golden.Bytes(t, path)
}

// readBack compares reading with pandas', but for the NUL that this package refuses:
// it is replaced in both.
func readBack(t *testing.T, dir string, file []byte) {
	t.Helper()
	want := golden.JSON[struct {
		Columns []string  `json:"columns"`
		Text    []*string `json:"text"`
	}](t, filepath.Join(dir, "read_back.json"))
	path := filepath.Join(t.TempDir(), "a.csv")
	os.WriteFile(path, bytes.ReplaceAll(file, []byte{0}, []byte("\u2400")), 0o666)
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for s, err := range d.All(t.Context()) {
		if err != nil || i >= len(want.Text) {
			t.Fatalf("row %d of %d: %v", i, len(want.Text), err)
		}
		var w any
		if want.Text[i] != nil {
			w = strings.ReplaceAll(*want.Text[i], "\x00", "\u2400")
		}
		if have := s.Fields[1].Value; have != w {
			t.Errorf("row %d = %q, want %q", i, have, w)
		}
		i++
	}
	if i != len(want.Text) {
		t.Errorf("%d rows, want %d", i, len(want.Text))
	}
}

// TestGoldenExportJPEG compares exported pictures with those of the tutorial's
// Image.save: size, tables and subsampling. Grey, CMYK and alpha, and pictures that
// EXIF turns, differ by rule: RGB and upright is what is exported.
func TestGoldenExportJPEG(t *testing.T) {
	dir := golden.Part(t, "datajuicer/csv/jpeg")
	type entry struct {
		In           string           `json:"in"`
		Out          string           `json:"out"`
		Error        []string         `json:"error"`
		Mode         string           `json:"mode"`
		Size         [2]int           `json:"size"`
		Exif         bool             `json:"exif"`
		Progressive  bool             `json:"progressive"`
		Sampling     [][2]int         `json:"sampling"`
		Quantization map[string][]int `json:"quantization"`
	}
	for _, e := range golden.JSON[[]entry](t, filepath.Join(dir, "index.json")) {
		f := &folderSink{o: &writeOptions{}}
		b, suffix, err := f.encode(Image{Path: filepath.Join(dir, e.In)})
		if err != nil || suffix != ".jpg" {
			t.Errorf("%s: %v", e.In, err)
			continue
		}
		c, err := jpeg.DecodeConfig(bytes.NewReader(b))
		if err != nil {
			t.Errorf("%s: %v", e.In, err)
			continue
		}
		info, err := imageio.HeaderFile(filepath.Join(dir, e.In), imageio.Strict)
		if err != nil || e.Error != nil || e.Mode != "RGB" || info.Orientation > 1 {
			continue
		}
		if c.Width != e.Size[0] || c.Height != e.Size[1] {
			t.Errorf("%s: %dx%d, want %v", e.In, c.Width, c.Height, e.Size)
		}
		tables, sampling := jpegTables(b)
		for id, want := range e.Quantization {
			golden.Equal(t, e.In+" table "+id, tables[id], want)
		}
		golden.Equal(t, e.In+" sampling", sampling, e.Sampling)
	}
}

// jpegTables reads the quantisation tables, row by row, and the sampling factors.
func jpegTables(b []byte) (map[string][]int, [][2]int) {
	zigzag := [64]int{0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
		35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63}
	tables := map[string][]int{}
	var sampling [][2]int
	for i := 2; i+4 < len(b) && b[i] == 0xff && b[i+1] != 0xda; {
		n := int(b[i+2])<<8 | int(b[i+3])
		seg := b[i+4 : i+2+n]
		switch b[i+1] {
		case 0xdb:
			for ; len(seg) >= 65; seg = seg[65:] {
				q := make([]int, 64)
				for k, z := range zigzag {
					q[z] = int(seg[1+k])
				}
				tables[fmt.Sprint(seg[0])] = q
			}
		case 0xc0:
			for k := 6; k+2 < len(seg); k += 3 {
				sampling = append(sampling, [2]int{int(seg[k+1] >> 4), int(seg[k+1] & 15)})
			}
		}
		i += 2 + n
	}
	return tables, sampling
}
