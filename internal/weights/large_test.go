package weights

import (
	"archive/zip"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// sparseWriter leaves a hole for each block of a megabyte: they are zeros here.
type sparseWriter struct{ *os.File }

func (w sparseWriter) Write(b []byte) (int, error) {
	if len(b) < 1<<20 {
		return w.File.Write(b)
	}
	_, err := w.Seek(int64(len(b)), io.SeekCurrent)
	return len(b), err
}

// TestTorchBeyond4GB: a storage of 5 GB needs zip64, and costs address space only.
func TestTorchBeyond4GB(t *testing.T) {
	if !canMap || runtime.GOOS == "windows" || math.MaxInt < 1<<40 {
		t.Skip("needs sparse files, mapped whole")
	}
	const size int64 = 5 << 30
	path := filepath.Join(t.TempDir(), "large.pt")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(sparseWriter{f})
	program := strings.NewReplacer("K\x04", "\x8a\x05\x00\x00\x00\x50\x00").Replace(vector) // 5<<30 / 4 floats
	member(t, z, "a/data.pkl", "\x80\x02}X\x01\x00\x00\x00w"+program+"s.")
	w, err := z.CreateRaw(&zip.FileHeader{Name: "a/data/0", Method: zip.Store, CompressedSize64: uint64(size), UncompressedSize64: uint64(size)})
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	member(t, z, "a/data/1", "ends the file")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	bounded(t, "5 GB", 1<<10, func() {
		src, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		b, err := src.Bytes("w")
		if err != nil || int64(len(b)) != size || b[size-1] != 0 {
			t.Errorf("%d bytes (%v), want %d", len(b), err, size)
		}
		if x, err := src.Tensor("w"); err != nil || int64(x.Shape()[0]) != size/4 {
			t.Errorf("%v", err)
		}
	})
}

func member(t *testing.T, z *zip.Writer, name, content string) {
	t.Helper()
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err != nil {
		t.Fatal(err)
	}
}
