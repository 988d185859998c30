//go:build unix && !solaris && !aix

package hub

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes an exclusive lock on an open file, which lasts until it is closed. It
// is false without an error if another process holds it.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}
