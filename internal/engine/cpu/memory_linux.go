package cpu

import "golang.org/x/sys/unix"

// hugePages asks for 2 MiB pages, which spare the large matrix products their TLB
// misses. A kernel without them says no, and nothing is lost.
func hugePages(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }
