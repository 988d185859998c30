// Package cpu computes on the processor. Its kernels split work over outputs only,
// so that the bits of a result do not depend on the number of threads.
//
// # Products
//
// Linear layers, products of matrices, direct convolutions and their gradients are one
// kernel, [product]: tiles of 8×32 sums in registers (6×16 with AVX2), rows read where
// they lie by way of a table of addresses, weights turned into panels of 32 columns a
// block at a time. A convolution is a product whose table points at pixels, one set of
// rows for each tap; padding, stride and enlargement cost nothing but the table.
//
// 3×3 convolutions of stride 1 go by [winograd] F(4×4, 3×3), a quarter of the products.
// Layers of at most eight rows an item go by [thin], which needs no panels.
//
// # Weights stay as they are stored
//
// Panels and transformed weights are made from the stored float16, bfloat16 or float32
// in scratch memory, by each worker for itself, and thrown away. Keeping them was
// measured (Sapphire Rapids, one of two virtual cores, other programs beside it,
// medians of 15 interleaved rounds, 2026-11-25; share of the multiply-add peak):
//
//	                               made  kept
//	linear 77×768×768               71%   76%
//	linear 77×768×3072              59%   56%
//	linear 154×768×320              81%   86%
//	linear 154×2048×1280            68%   62%
//	linear 256×1280×1280            76%   80%
//	linear 2048×1280×1280           76%   76%
//	linear 4096×320×320             88%   90%
//	3×3 1280→1280 at 8², batch 1    53%   34%
//	3×3 1280→1280 at 16², batch 2  153%  160%
//	3×3 640→640 at 32², batch 2    199%  226%
//	3×3 320→320 at 64², batch 2    172%  187%
//	3×3 512→512 at 128²            245%  258%
//
// Panels are cheap to make, about a third of a cycle a weight; large kept forms lose
// to it, because they are read from memory and are 2 (panels of float16) to 8
// (transformed weights) times larger than what is stored. So nothing is kept unless
// [Options].Cache gives room; then transformed weights of convolutions with more than
// 32 tiles a picture are, the one case that gains.
//
// # Arithmetic
//
// A direct sum of K products has the error of any float32 sum, at most about K·2⁻²⁴
// of the sum of magnitudes. Winograd's is a few times that: see [winograd].
//
// Bfloat16 rounds both factors and sums in float32: by AMX tiles, by VDPBF16PS, or, on
// processors with neither and for lengths that do not fit, by float32 products of
// rounded factors. VDPBF16PS is not used beside AMX; there it has a quarter of the
// rate of a float32 multiply-add. Convolutions of bfloat16 are direct.
//
// # Speed
//
// Share of the float32 multiply-add peak of one thread, measured between the runs, from
// float16 weights, panels and transforms included (Sapphire Rapids as above, five or six
// other programs on the two cores, medians, 2026-11-25):
//
//	linear 2048×1280×1280      86 %    3×3 320→320 at 64²      257 %
//	linear 2048×5120×1280      85 %    3×3 640→640 at 32²      201 %
//	linear 4096×320×320        88 %    3×3 1280→1280 at 16²    150 %
//	linear 154×768×320         82 %    3×3 512→512 at 128²     263 %
//
// The tile alone reaches 95 %. Bfloat16 by AMX reaches 150 to 240 % for linear layers
// and 160 to 220 % for the convolutions on the same machine with thirty programs.
//
// The figures are the benchmarks'; EASEL_CPU selects a level (see package asm):
//
//	go test -run - -bench 'Linear|Conv2D' ./internal/engine/cpu
package cpu
