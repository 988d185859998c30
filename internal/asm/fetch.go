package asm

// Fetch asks the processor to bring rows of n bytes, ld bytes apart, near, for those
// who will read them soon or, with write, overwrite them: rows that lie far apart are
// not foreseen by its own means. It may be asked for anything, in bounds or not (hence
// no pointer, which the collector must be able to follow), and where there is no such
// loop nothing happens.
func Fetch(p uintptr, ld, rows, n int, write bool) {
	switch {
	case level == PureGo || rows <= 0 || n <= 0:
	case write:
		fetchToWrite(p, ld, rows, n)
	default:
		fetchToRead(p, ld, rows, n)
	}
}
