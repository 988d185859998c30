// Package asm holds the inner loops of the CPU engine: for each a definition in
// plain Go, and faster forms in assembly that a property test holds to it. It knows
// pointers and strides, no tensors and no threads.
//
// Which form runs is decided once, by what the processor has. The environment
// variable EASEL_CPU lowers the choice: purego, avx2, avx512, avx512bf16 (bfloat16 by
// VDPBF16PS) or amx (bfloat16 by tiles). The build tag purego leaves the assembly out.
//
// The .s files are written by the program in _gen:
//
//	cd internal/asm/_gen && go run .
package asm

//go:generate sh -c "cd _gen && go run ."
