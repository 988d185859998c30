//go:build unix

package filter

import (
	"io"
	"io/fs"
	"syscall"
)

// descriptor is an open file, read without what package os adds for other kinds of file:
// headers of a million pictures are read with four calls of the system each.
type descriptor int

// openRegular opens an ordinary file. Others are not even opened: a pipe would wait for
// its writer, and devices do as they like.
func openRegular(path string) (descriptor, error) {
	var st syscall.Stat_t
	if _, err := again(func() (int, error) { return 0, syscall.Stat(path, &st) }); err != nil {
		return 0, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if err := regularMode(path, modeOf(uint32(st.Mode)), st.Size); err != nil {
		return 0, err
	}
	fd, err := again(func() (int, error) {
		return syscall.Open(path, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	})
	if err != nil {
		return 0, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return descriptor(fd), nil
}

func modeOf(mode uint32) fs.FileMode {
	switch mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		return 0
	case syscall.S_IFDIR:
		return fs.ModeDir
	}
	return fs.ModeIrregular
}

func (d descriptor) ReadAt(b []byte, at int64) (n int, err error) {
	for n < len(b) {
		m, err := again(func() (int, error) { return syscall.Pread(int(d), b[n:], at+int64(n)) })
		switch {
		case err != nil:
			return n, err
		case m == 0:
			return n, io.EOF
		}
		n += m
	}
	return n, nil
}

func (d descriptor) Close() error { return syscall.Close(int(d)) }

// again repeats what a signal broke off.
func again(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != syscall.EINTR {
			return n, err
		}
	}
}
