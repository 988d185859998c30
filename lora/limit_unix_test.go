//go:build linux || darwin

package lora

import (
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// limitFiles makes every write beyond a file's first n bytes fail in this process.
func limitFiles(n uint64) error {
	signal.Ignore(syscall.SIGXFSZ)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: n})
}

// TestDiskFull lets the disk be full at several places of the third checkpoint's files.
func TestDiskFull(t *testing.T) {
	u := trainUnbroken(t)
	var sizes []int
	for name, b := range u.files {
		if strings.HasPrefix(name, "epoch=0-step=3.") {
			sizes = append(sizes, len(b))
		}
	}
	slices.Sort(sizes)
	limits := []int{2000} // beyond what the logs take
	for _, n := range sizes {
		limits = append(limits, n/2, n-1)
	}
	for _, n := range limits {
		dir := t.TempDir()
		cmd, out := child{Dir: dir, Cache: filepath.Join(u.Version, "..", "..", "cache"), Limit: uint64(n)}.start(t)
		if err := cmd.Wait(); err != nil {
			t.Fatalf("a limit of %d bytes: %v\n%s", n, err, out)
		}
		u.afterFault(t, dir)
	}
}
