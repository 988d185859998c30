package dataset

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// texts opens a dataset and returns its texts.
func texts(t *testing.T, d *Dataset) (all []string) {
	t.Helper()
	for s, err := range d.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s.Text())
	}
	return all
}

func lay(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(file), 0o777)
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCaptionsBesidePictures(t *testing.T) {
	dir := lay(t, map[string]string{"a.png": string(tinyPNG), "b.png": string(tinyPNG), "b.txt": "\ufeff  二次元, solo\n", "a.txt": "x"})
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if have := texts(t, d); !slices.Equal(have, []string{"x", "二次元, solo"}) {
		t.Errorf("texts %q", have)
	}
	s, _ := d.At(1)
	if m := s.Images(); len(m) != 1 || m[0].Path != "b.png" || m[0].File() != filepath.Join(dir, "b.png") {
		t.Errorf("pictures %v", m)
	}
}

func TestLinkedFolders(t *testing.T) {
	data := lay(t, map[string]string{"x.png": string(tinyPNG)})
	dir := lay(t, map[string]string{"y.png": string(tinyPNG)})
	if err := os.Symlink(data, filepath.Join(dir, "more")); err != nil {
		t.Skip("no links on this system:", err)
	}
	d, err := Open(dir)
	if err != nil || d.Len() != 2 {
		t.Fatalf("%v", err)
	}
	for s, err := range d.All(t.Context()) {
		if _, e := s.Images()[0].Decode(); err != nil || e != nil {
			t.Errorf("%s: %v %v", s.ID, err, e)
		}
	}
	os.Symlink(dir, filepath.Join(dir, "circle"))
	if _, err := Open(dir); err != nil && !errors.Is(err, Limit) {
		t.Errorf("a circle of links: %v", err)
	}
}

func TestPathsInRows(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "o.png")
	os.WriteFile(outside, tinyPNG, 0o666)
	rows := fmt.Sprintf("{\"text\": \"a\", \"image\": [\"x.png\"]}\n{\"text\": \"b\", \"image\": [%q]}\n{\"text\": \"c\", \"image\": [\"../x.png\"]}\n", filepath.ToSlash(outside))
	dir := lay(t, map[string]string{"in/a.jsonl": rows, "in/x.png": string(tinyPNG), "x.png": string(tinyPNG)})
	d, err := Open(filepath.Join(dir, "in", "a.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for s := range d.All(t.Context()) {
		if _, err := s.Images()[0].Decode(); err != nil {
			t.Errorf("%s: %v: a file of the user's own may name any path", s.ID, err)
		}
	}
	if d, err = Open("in/a.jsonl", WithFS(os.DirFS(dir))); err != nil {
		t.Fatal(err)
	}
	for i, wantErr := range []bool{false, true, true} {
		s, _ := d.At(i)
		if _, err := s.Images()[0].Decode(); (err != nil) != wantErr {
			t.Errorf("row %d in an fs.FS: %v, want an error: %v", i, err, wantErr)
		}
	}
}

func TestViews(t *testing.T) {
	var s Sample
	if s.Text() != "" || s.Images() != nil || s.TextColumn() != "text" {
		t.Error("the zero sample has something")
	}
	s.SetText("a")
	s.Set("n", int64(1))
	c := s.Clone()
	c.SetText("b")
	if c.Delete("n"); s.Text() != "a" || c.Text() != "b" || len(s.Fields) != 2 || len(c.Fields) != 1 {
		t.Errorf("%v %v", s.Fields, c.Fields)
	}
	caption := Sample{Fields: Struct{{"caption", "x"}, {"image", "a.png"}}}
	if caption.Text() != "x" || caption.Images()[0].Path != "a.png" {
		t.Errorf("%v", caption.Images())
	}
	if _, err := (Image{}).Bytes(); !errors.Is(err, Missing) {
		t.Errorf("no picture: %v", err)
	}
}

func TestSelectors(t *testing.T) {
	dir := lay(t, map[string]string{"train.csv": "caption,n\na,1\nNA,2\n", "test.csv": "caption,n\nz,9\n"})
	d, err := Open(dir, WithSplit("", "test"))
	if err != nil || d.Len() != 1 || !slices.Equal(d.Splits(), []string{"train", "test"}) {
		t.Fatalf("%v", err)
	}
	if d, err = Open(dir, WithVerbatim("caption")); err != nil || !slices.Equal(texts(t, d), []string{"a", "NA"}) {
		t.Errorf("verbatim: %v", err)
	}
	if d, err = Open(dir, WithNA("a")); err != nil || !slices.Equal(texts(t, d), []string{"", "NA"}) {
		t.Errorf("other words: %v", err)
	}
	if d, err = Open(dir, WithColumns("n", "")); err != nil || !slices.Equal(texts(t, d), []string{"1", "2"}) {
		t.Errorf("columns: %v", err)
	}
	for _, opts := range [][]Option{{WithSplit("", "none")}, {WithSplit("other", "")}, {WithFormat("xls")}, {WithFS(nil)}, {WithDelimiter('"')}} {
		if _, err := Open(dir, opts...); err == nil {
			t.Error("opened")
		}
	}
}

func TestTablesInArchives(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"b.csv", "a.csv"} {
		w, _ := z.Create(name)
		fmt.Fprintf(w, "text\n%s\n", name)
	}
	z.Close()
	d, err := Open(lay(t, map[string]string{"train.zip": b.String()}))
	if err != nil || !slices.Equal(texts(t, d), []string{"a.csv", "b.csv"}) {
		t.Fatalf("%v", err)
	}
	if s, err := d.At(1); err != nil || s.Text() != "b.csv" {
		t.Errorf("At: %v %v", s.Fields, err)
	}
}

func TestGzippedTar(t *testing.T) {
	dir := t.TempDir()
	w, _ := CreateWebDataset(filepath.Join(dir, "a-%d.tar"))
	for i := range 5 {
		s := everything(i)
		w.Write(s)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(filepath.Join(dir, "a-0.tar"))
	var g bytes.Buffer
	z := gzip.NewWriter(&g)
	z.Write(b)
	z.Close()
	d, err := Open(filepath.Join(lay(t, map[string]string{"a.tar.gz": g.String()}), "a.tar.gz"))
	if err != nil || d.Len() != 5 {
		t.Fatalf("%v", err)
	}
	if s, err := d.At(3); err != nil || s.Text() != everything(3).Text() {
		t.Errorf("At: %v %v", s, err)
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.String()
}

func TestGzippedText(t *testing.T) {
	for name, text := range map[string]string{"a.jsonl.gz": "{\"text\": \"x\"}\n{\"text\": \"y\"}\n", "a.csv.gz": "text,n\nx,1\ny,2\n", "a.tsv.gz": "text\tn\nx\t1\ny\t2\n", "a.txt.gz": "x\ny\n"} {
		d, err := Open(lay(t, map[string]string{name: gzipped(text)}))
		if err != nil || !slices.Equal(texts(t, d), []string{"x", "y"}) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s, err := d.At(1); err != nil || s.Text() != "y" {
			t.Errorf("%s: At: %v %v", name, s, err)
		}
	}
	bomb := gzipped(strings.Repeat("x", 30<<20))
	if _, err := Open(lay(t, map[string]string{"a.txt.gz": bomb})); !errors.Is(err, Limit) {
		t.Errorf("a bomb: %v", err)
	}
	if _, err := Open(lay(t, map[string]string{"a.jsonl.zst": "x"})); !errors.Is(err, Unsupported) {
		t.Errorf("zstd: %v", err)
	}
}

func TestShuffleAndBatches(t *testing.T) {
	rows := strings.Repeat("x\n", 1000)
	d, err := Open("a.txt", WithFS(fstest.MapFS{"a.txt": {Data: []byte(rows)}}))
	if err != nil {
		t.Fatal(err)
	}
	order := func(d *Dataset) (ids []string) {
		for s := range d.All(t.Context()) {
			ids = append(ids, s.ID)
		}
		return ids
	}
	a, b, c := order(d.Shuffle(7)), order(d.Shuffle(7)), order(d.Shuffle(8))
	if !slices.Equal(a, b) || slices.Equal(a, c) || slices.Equal(a, order(d)) {
		t.Error("the order is not the seed's")
	}
	slices.Sort(a)
	if len(slices.Compact(a)) != 1000 {
		t.Error("not every sample once")
	}
	var sizes []int
	for batch, err := range Batches(d.All(t.Context()), 300) {
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(batch))
	}
	if !slices.Equal(sizes, []int{300, 300, 300, 100}) {
		t.Errorf("batches of %v", sizes)
	}
}

func TestManyReaders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	w, _ := CreateParquet(path, columnsOf(everything(0)))
	for i := range 300 {
		w.Write(everything(i))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			for i := k; i < 300; i += 7 {
				if s, err := d.At(i); err != nil || s.Text() != everything(i).Text() {
					t.Errorf("At(%d): %v", i, err)
				}
			}
			n := 0
			for s, err := range d.All(t.Context()) {
				if err != nil {
					t.Error(err)
				}
				s.SetText("mine") // a reader may change what it got
				n++
			}
			if n != 300 {
				t.Errorf("%d rows", n)
			}
		})
	}
	wg.Wait()
}

func TestEndOfReading(t *testing.T) {
	d, err := Open("a.txt", WithFS(fstest.MapFS{"a.txt": {Data: []byte("a\nb\nc\n")}}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for s, err := range d.All(ctx) {
		if n++; n == 2 && !errors.Is(err, context.Canceled) || s == nil {
			t.Errorf("sample %d after cancel: %v", n, err)
		}
		cancel()
	}
	if n != 2 {
		t.Errorf("%d samples after a cancel, want the end", n)
	}
	if _, err := d.At(3); !errors.Is(err, Invalid) {
		t.Errorf("At(3): %v", err)
	}
	if _, err := d.At(-1); !errors.Is(err, Invalid) {
		t.Errorf("At(-1): %v", err)
	}
	d.Close()
	d.Close()
	for _, err := range d.All(t.Context()) {
		if !errors.Is(err, Closed) {
			t.Errorf("after Close: %v", err)
		}
	}
	if _, err := d.At(0); !errors.Is(err, Closed) {
		t.Errorf("At after Close: %v", err)
	}
}

func TestUnlikeFiles(t *testing.T) {
	dir := lay(t, map[string]string{"train-1.jsonl": "{\"text\": \"a\", \"n\": 1}\n", "train-2.jsonl": "{\"text\": \"b\", \"m\": true, \"n\": 1.5}\n"})
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for s, err := range d.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		have = append(have, s.ID, string(AppendJSON(nil, s.Fields)))
	}
	want := []string{"train-1.jsonl#0", `{"text": "a", "n": 1.0, "m": null}`, "train-2.jsonl#0", `{"text": "b", "n": 1.5, "m": true}`}
	if !slices.Equal(have, want) {
		t.Errorf("%q, want %q", have, want)
	}
}
