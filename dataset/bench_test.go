package dataset

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// BenchmarkParquet reads pictures of 200 kB from a warm file, without decoding.
func BenchmarkParquet(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a.parquet")
	w, err := CreateParquet(path, []Column{{"image", Type{Kind: Picture}}, {"text", Type{Kind: String}}})
	if err != nil {
		b.Fatal(err)
	}
	data := make([]byte, 200<<10)
	r := rand.NewChaCha8([32]byte{1})
	const n = 500
	for i := range n {
		r.Read(data)
		if err := w.Write(&Sample{Fields: Struct{{"image", Image{Path: "a.jpg", Data: data}}, {"text", fmt.Sprint("text ", i)}}}); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	d, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(n * int64(len(data)))
	for b.Loop() {
		readAll(b, d)
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}

func readAll(b *testing.B, d *Dataset) (n int) {
	for _, err := range d.All(context.Background()) {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	return n
}

// BenchmarkOpenFolder opens a folder of 100 000 files.
func BenchmarkOpenFolder(b *testing.B) {
	dir := b.TempDir()
	for i := range 100000 {
		sub := filepath.Join(dir, fmt.Sprintf("%03d", i/1000))
		if i%1000 == 0 {
			os.Mkdir(sub, 0o777)
		}
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("%d.jpg", i)), nil, 0o666); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		d, err := Open(dir)
		if err != nil || d.Len() != 100000 {
			b.Fatal(err, d.Len())
		}
	}
	b.ReportMetric(100000*float64(b.N)/b.Elapsed().Seconds(), "files/s")
}

// BenchmarkHeaders reads the size of pictures in a folder.
func BenchmarkHeaders(b *testing.B) {
	dir := b.TempDir()
	for i := range 1000 {
		os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.png", i)), tinyPNG, 0o666)
	}
	d, err := Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for s := range d.All(b.Context()) {
			if _, err := s.Images()[0].Config(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "files/s")
}

// BenchmarkText opens and reads rows of captions in each form of text.
func BenchmarkText(b *testing.B) {
	for _, form := range []string{"jsonl", "csv"} {
		b.Run(form, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "a."+form)
			create := func() (*Writer, error) { return CreateJSONL(path) }
			if form == "csv" {
				create = func() (*Writer, error) { return CreateCSV(path, []string{"file_name", "text", "n"}) }
			}
			w, err := create()
			if err != nil {
				b.Fatal(err)
			}
			const n = 20000
			for i := range n {
				w.Write(&Sample{Fields: Struct{{"file_name", fmt.Sprintf("%d.jpg", i)}, {"text", "1girl, solo, long hair, looking at viewer, smile"}, {"n", int64(i)}}})
			}
			w.Close()
			info, _ := os.Stat(path)
			b.SetBytes(info.Size())
			for b.Loop() {
				d, err := Open(path)
				if err != nil || readAll(b, d) != n {
					b.Fatal(err)
				}
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// TestMemory streams a dataset much larger than what it may take: the heap must stay
// flat, 64 MiB above the largest page.
func TestMemory(t *testing.T) {
	dir := t.TempDir()
	total := streamed(t)
	data := make([]byte, 256<<10)
	rand.NewChaCha8([32]byte{2}).Read(data)
	data = append(append([]byte{}, tinyPNG...), data...)
	forms := map[string]func() (*Writer, error){
		"parquet": func() (*Writer, error) {
			return CreateParquet(filepath.Join(dir, "parquet", "a.parquet"), []Column{{"image", Type{Kind: Picture}}, {"text", Type{Kind: String}}})
		},
		"tar": func() (*Writer, error) { return CreateWebDataset(filepath.Join(dir, "tar", "a-%06d.tar")) }, // an archive a gigabyte
	}
	for name, create := range forms {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		stop := peak()
		w, err := create()
		if err != nil {
			t.Fatal(err)
		}
		n := int(total / int64(len(data)))
		for i := range n {
			if err := w.Write(&Sample{Fields: Struct{{"image", Image{Path: "a.png", Data: data}}, {"text", fmt.Sprint(i)}}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		wrote := stop()
		stop = peak()
		d, err := Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		for s, err := range d.All(t.Context()) {
			if err != nil || s.Text() != fmt.Sprint(i) {
				t.Fatalf("row %d: %v", i, err)
			}
			i++
		}
		read := stop()
		t.Logf("%s of %d MiB: %d MiB writing, %d MiB reading", name, total>>20, wrote>>20, read>>20)
		if i != n || max(read, wrote) > 64<<20+8<<20 {
			t.Errorf("%s: %d rows of %d; heap %d MiB writing, %d MiB reading", name, i, n, wrote>>20, read>>20)
		}
		d.Close()
		os.RemoveAll(filepath.Join(dir, name))
	}
}

// streamed is how much TestMemory writes: EASEL_BIG=1 makes it 10 GB.
func streamed(t *testing.T) int64 {
	if os.Getenv("EASEL_BIG") != "" {
		return 10e9
	}
	if testing.Short() {
		t.Skip("writes 128 MiB")
	}
	return 128 << 20
}

// peak watches the heap until stop, which returns how far it rose.
func peak() (stop func() uint64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	base, top := m.HeapAlloc, m.HeapAlloc
	done, finished := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(finished)
		for {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				top = max(top, m.HeapAlloc)
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-finished
		return top - base
	}
}
