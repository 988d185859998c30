package weights

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Replace lets write fill a new file beside path and gives it that name when all of it
// is on disk: whatever happens, path is the old file or the whole new one. A process
// that is killed leaves the unfinished file behind, hidden, under a name that ends in
// .tmp.
func Replace(path string, write func(io.Writer) error) error {
	return operatingSystem.replace(path, write)
}

// disk is the calls that a file is put in its place by. Tests make them fail.
type disk struct {
	create func(path string) (diskFile, error)
	rename func(from, to string) error
	sync   func(dir string) error
}

type diskFile interface {
	io.WriteCloser
	Sync() error
}

var operatingSystem = disk{
	create: func(path string) (diskFile, error) {
		return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	},
	rename: os.Rename,
	sync:   syncFolder,
}

func (d disk) replace(path string, write func(io.Writer) error) (err error) {
	temp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%08x.tmp", filepath.Base(path), rand.Uint32()))
	defer func() {
		if err != nil {
			err = failure(path, err)
		}
	}()
	f, err := d.create(temp)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(temp)
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if err = write(w); err != nil {
		return err
	}
	if err = w.Flush(); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = d.rename(temp, path); err != nil {
		return err
	}
	return d.sync(filepath.Dir(path))
}

// syncFolder puts a folder's names on disk, so that a file which is renamed later is
// never there without this one. Where a system cannot do that, it is left out.
func syncFolder(dir string) error {
	if f, err := os.Open(dir); err == nil {
		f.Sync()
		f.Close()
	}
	return nil
}
