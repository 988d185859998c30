package asm

import "unsafe"

// amx are the arguments of a matrix product by AMX tiles.
type amx struct {
	config unsafe.Pointer
	a      unsafe.Pointer
	ldA    int
	b      unsafe.Pointer
	c      unsafe.Pointer
	ldC    int
	steps  int
	panels int
	add    int
}

// The size of what AMX multiplies at a time: 32 rows of A with a multiple of 16 pairs
// of bfloat16, and panels of 32 columns.
const (
	AMXRows  = 32
	AMXPairs = 16
)

// HasAMX reports whether the processor has AMX for bfloat16 and the system lets the
// process use it. The first call asks.
func HasAMX() bool { return level == AMX && allowAMX() }

// AMXProduct multiplies 32 rows of bfloat16 with panels of pairs, as PairPanel makes them:
//
//	C[i][j] = Σₖ A[i][k]·B[k][j] (+ C[i][j] with add)    i < 32, j < 32·panels
//
// pairs, a multiple of 16, counts pairs of k; ldA and ldC are bytes between rows. Sums
// are float32: see amxStep for their order. Subnormals count as 0. It is fast where
// HasAMX.
func AMXProduct(a unsafe.Pointer, ldA int, b, c unsafe.Pointer, ldC, pairs, panels int, add bool) {
	t := amx{unsafe.Pointer(&amxConfig), a, ldA, b, c, ldC, pairs / AMXPairs, panels, 0}
	if add {
		t.add = 1
	}
	if !HasAMX() {
		amxGo(&t)
		return
	}
	amxTile(&t)
}

// amxConfig is palette 1 with eight tiles of 16 rows of 64 bytes.
var amxConfig = func() (c [64]byte) {
	c[0] = 1
	for i := range 8 {
		c[16+2*i], c[48+i] = 64, 16
	}
	return c
}()
