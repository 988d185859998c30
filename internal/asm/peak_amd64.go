//go:build amd64 && !purego

package asm

//go:noescape
func peak512(n int)

//go:noescape
func peak256(n int)

func peak(n int) int {
	switch {
	case level >= AVX512:
		peak512(n)
		return n * 24 * 16 * 2
	case level == AVX2:
		peak256(n)
		return n * 12 * 8 * 2
	}
	return peakGo(n)
}
