//go:build linux && amd64 && !purego

package asm

import (
	"sync"
	"syscall"
)

// allowAMX asks the kernel for the tiles' state, which a process must, once
// (Documentation/arch/x86/xstate.rst: arch_prctl ARCH_REQ_XCOMP_PERM, XTILEDATA).
var allowAMX = sync.OnceValue(func() bool {
	const requestPermission, tileData = 0x1023, 18
	_, _, err := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, requestPermission, tileData, 0)
	return err == 0
})
