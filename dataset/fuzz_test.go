package dataset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

// seeds adds the golden files with an extension to a corpus.
func seeds(f *testing.F, exts ...string) {
	for _, dir := range []string{"dataset/cases", "dataset/hostile", "datajuicer/csv"} {
		for _, e := range exts {
			for _, depth := range []string{"", "*/", "*/*/"} {
				files, _ := filepath.Glob(filepath.Join(golden.Part(f, dir), depth+"*"+e))
				for _, file := range files {
					if info, err := os.Stat(file); err == nil && info.Size() < 64<<10 {
						f.Add(golden.Bytes(f, file))
					}
				}
			}
		}
	}
}

// readDamaged opens bytes under a name and reads what there is: errors are typed, rows
// are as many as promised, and At agrees with All.
func readDamaged(t *testing.T, name string, b []byte) {
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b, 0o666); err != nil {
		t.Fatal(err)
	}
	d, err := Open(file)
	if err != nil {
		typed(t, err)
		return
	}
	defer d.Close()
	n, whole := 0, true
	for s, err := range d.All(t.Context()) {
		if err != nil {
			typed(t, err)
			whole = false
		}
		if at, _ := d.At(n); n < 3 && whole && fmt.Sprint(plain(at.Fields)) != fmt.Sprint(plain(s.Fields)) {
			t.Fatalf("At(%d) = %v, want %v", n, at.Fields, s.Fields)
		}
		if n++; n > 2000 {
			return
		}
	}
	if whole && n != d.Len() {
		t.Fatalf("%d rows without an error, want %d", n, d.Len())
	}
}

func typed(t *testing.T, err error) {
	t.Helper()
	if e, ok := errors.AsType[*Error](err); !ok || e.Kind == "" {
		t.Fatalf("%T %v is no typed error", err, err)
	}
}

func FuzzJSON(f *testing.F) {
	seeds(f, ".json", ".jsonl")
	f.Fuzz(func(t *testing.T, b []byte) {
		readDamaged(t, "a.jsonl", b)
		v, err := ParseJSON(b)
		if err != nil {
			return
		}
		again, err := ParseJSON(AppendJSON(nil, v))
		if have, want := fmt.Sprintf("%#v", again), fmt.Sprintf("%#v", v); err == nil && have != want {
			t.Fatalf("%s, want %s", have, want)
		}
	})
}

func FuzzCSV(f *testing.F) {
	seeds(f, ".csv", ".tsv")
	f.Fuzz(func(t *testing.T, b []byte) { readDamaged(t, "a.csv", b) })
}

func FuzzText(f *testing.F) {
	seeds(f, ".txt")
	f.Fuzz(func(t *testing.T, b []byte) { readDamaged(t, "a.txt", b) })
}

func FuzzParquet(f *testing.F) {
	seeds(f, ".parquet")
	f.Fuzz(func(t *testing.T, b []byte) { readDamaged(t, "a.parquet", b) })
}

func FuzzTar(f *testing.F) {
	seeds(f, ".tar")
	f.Fuzz(func(t *testing.T, b []byte) { readDamaged(t, "a.tar", b) })
}

func FuzzZip(f *testing.F) {
	seeds(f, ".zip")
	f.Fuzz(func(t *testing.T, b []byte) { readDamaged(t, "a.zip", b) })
}

func FuzzReadme(f *testing.F) {
	seeds(f, ".md")
	f.Fuzz(func(t *testing.T, b []byte) {
		subsets, err := parseSubsets(b)
		if err != nil {
			typed(t, err)
			return
		}
		for _, s := range subsets {
			if found, err := s.splits([]string{"a/b.csv", "train.csv", "data/x-00000-of-00001.parquet"}); err == nil {
				_ = found
			}
		}
	})
}

// FuzzCSVRoundTrip writes any text as CSV and reads it again.
func FuzzCSVRoundTrip(f *testing.F) {
	f.Add("a\r\"b\n,c", " x ")
	f.Fuzz(func(t *testing.T, a, b string) {
		file := filepath.Join(t.TempDir(), "a.csv")
		w, err := CreateCSV(file, []string{"a", "b"})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(&Sample{Fields: Struct{{"a", a}, {"b", b}}}); err != nil {
			typed(t, err)
			w.Abort()
			return
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		d, err := Open(file, WithVerbatim("a", "b"))
		if err != nil {
			typed(t, err)
			return
		}
		if s, err := d.At(0); err != nil || s.Fields[0].Value != a || s.Fields[1].Value != b {
			t.Fatalf("%q, %q came back as %v (%v)", a, b, s.Fields, err)
		}
	})
}
