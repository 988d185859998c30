// Package asm holds the inner loops of the CPU engine: for each a definition in
// plain Go, and faster forms in assembly that a property test holds to it. It knows
// pointers and strides, no tensors and no threads.
//
// Which form runs is decided once, by what the processor has. The environment
// variable EASEL_CPU lowers the choice: purego, avx2, avx512, avx512bf16 (bfloat16 by
// VDPBF16PS) or amx (bfloat16 by tiles). The build tag purego leaves the assembly out.
//
// On arm64 the level above purego is called neon. It has every loop of avx2, in the
// same shapes with a pair of registers for each of AVX2's eight numbers, and gives
// avx2's bits: matrix and attention products, panels of float32, binary16 and bfloat16,
// products with few rows, the loops over slices with their exponentials and sums,
// softmax, Winograd's transforms, half floats. Its assembly was run under qemu, for
// results; its speed is not tuned to a processor. What is written in Go around the
// loops may differ in the last bit, as the compiler joins products and sums there.
//
// The .s files are written by the program in _gen:
//
//	cd internal/asm/_gen && go run .
package asm

//go:generate sh -c "cd _gen && go run ."
