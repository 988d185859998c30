//go:build unix

package cpu

import "golang.org/x/sys/unix"

func mapPages(n int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err == nil {
		hugePages(b)
	}
	return b, err
}

func unmapPages(b []byte) error {
	if b == nil {
		return nil
	}
	return unix.Munmap(b)
}
