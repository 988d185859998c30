package weights

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/weights/pickle"
)

var errDisk = errors.New("no space left on device")

// failing is a disk whose call number n fails, counted from 1 over all kinds of call; a
// write that fails has written half.
type failing struct{ n, calls int }

func (f *failing) fails() bool {
	f.calls++
	return f.calls == f.n
}

func (f *failing) disk() disk {
	step := func(do func() error) error {
		if f.fails() {
			return errDisk
		}
		return do()
	}
	return disk{
		create: func(path string) (file diskFile, err error) {
			err = step(func() (err error) { file, err = operatingSystem.create(path); return err })
			return failingFile{file, f}, err
		},
		rename: func(from, to string) error { return step(func() error { return os.Rename(from, to) }) },
		sync:   func(dir string) error { return step(func() error { return syncFolder(dir) }) },
	}
}

type failingFile struct {
	diskFile
	f *failing
}

func (w failingFile) Write(b []byte) (int, error) {
	if w.f.fails() {
		n, _ := w.diskFile.Write(b[:len(b)/2])
		return n, errDisk
	}
	return w.diskFile.Write(b)
}

func (w failingFile) Sync() error {
	if w.f.fails() {
		return errDisk
	}
	return w.diskFile.Sync()
}

func (w failingFile) Close() error {
	err := w.diskFile.Close()
	if w.f.fails() {
		return errDisk
	}
	return err
}

// TestReplaceFaults lets every call of saving a file fail in turn: the error is typed
// and says why, the old file stays or the new one is whole, and nothing else is left.
func TestReplaceFaults(t *testing.T) {
	big := tensor.New(tensor.WithShape(1<<20), tensor.WithBacking(make([]float32, 1<<20))) // several writes
	object := &pickle.Dict{}
	object.Set("w", big)
	for kind, write := range map[string]func(io.Writer) error{
		"safetensors": func(w io.Writer) error {
			return WriteSafetensors(w, map[string]*tensor.Dense{"w": big}, map[string]string{"k": "v"})
		},
		"torch": func(w io.Writer) error { return WriteTorch(w, object) },
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "x")
		f := &failing{n: 0}
		if err := f.disk().replace(path, write); err != nil || f.calls < 7 {
			t.Fatalf("%s: %v after %d calls, want none after create, three writes, sync, close, rename and sync", kind, err, f.calls)
		}
		whole, _ := os.ReadFile(path)
		for n := 1; n <= f.calls; n++ {
			if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
				t.Fatal(err)
			}
			err := (&failing{n: n}).disk().replace(path, write)
			if e := (*fault.Error)(nil); !errors.As(err, &e) || e.Where != path || !errors.Is(err, errDisk) {
				t.Errorf("%s: call %d: %v, want a typed error that names the file and the cause", kind, n, err)
			}
			left, _ := os.ReadFile(path)
			if string(left) != "old" && string(left) != string(whole) {
				t.Errorf("%s: call %d leaves %d bytes", kind, n, len(left))
			}
			if files, _ := os.ReadDir(dir); len(files) != 1 {
				t.Errorf("%s: call %d leaves %v", kind, n, files)
			}
		}
	}
}
