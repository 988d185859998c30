// Package cpu computes on the processor. Its kernels split work over outputs only,
// so that the bits of a result do not depend on the number of threads.
//
// # Products
//
// Linear layers, products of matrices, direct convolutions and their gradients are one
// kernel, [product]: tiles of 12×32 sums in registers (6×16 with AVX2), rows read where
// they lie, weights turned into panels of 32 columns a block at a time. A convolution is
// a product of tiles of 8×32 whose rows a table of addresses finds: it points at pixels,
// one set of rows for each tap; padding, stride and enlargement cost nothing but the
// table.
//
// What holds a tile back is memory, so that it is asked for in time: a tile fetches the
// next one's rows, a line for every four numbers of k, and the lines that its own sums go
// to. Fetching more of the result ahead loses: rows of a wide result are a multiple of
// 4 KiB apart and fall into few sets of the cache, where they drive the panels out
// (2048×1280×10240 reached 61 % so, and 88 % without). Nor was anything gained by
// fetching the weight that the next panels are made of, or from panels that fill more of
// the second-level cache. Ranges of k are long, because sums that pass through memory
// cost more than panels that do not fit (154×2048×1280: 63 % in two ranges, 69 % in
// one). Twelve rows gain up to four points over eight.
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
// Panels are cheap to make, 0.4 of a cycle a weight that lies near and 0.6 to 1 from
// memory; large kept forms lose to it, because they are read from memory and are 2 (panels of float16) to 8
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
// Share of the float32 multiply-add peak of as many threads, measured between the runs,
// from float16 weights, panels and transforms included (Sapphire Rapids, two virtual
// cores, other programs on them at a lower priority, medians, 2026-11-26; a convolution
// by Winograd's way counts the products of a direct one):
//
//	                              1 thread  2 threads
//	linear 2048×1280×1280             86 %       83 %
//	linear 2048×1280×10240            88 %       83 %
//	linear 2048×5120×1280             85 %       83 %
//	linear 4096×320×320               82 %       84 %
//	linear 8192×640×640               84 %       83 %
//	linear 154×768×320                77 %       69 %
//	linear 154×2048×1280              71 %       71 %
//	linear 2×1280×1280                18 %       15 %
//	3×3 320→320 at 64²               248 %      228 %
//	3×3 640→640 at 32²               192 %      209 %
//	3×3 1280→1280 at 16²             135 %      151 %
//	3×3 512→512 at 128²              277 %      254 %
//	3×3 320→320 at 64², stride 2      79 %       82 %
//	1×1 320→320 at 64²                86 %       78 %
//
// The tile alone reaches 95 %; with few rows an eighth of the time goes into making
// panels. Layers of two rows read the weight at 19 GB/s, which is what bounds them: a
// sum over 5 MB reads 23 GB/s. PyTorch 2.13's Linear, from float32 weights, takes 1.37
// times as long as ours at 2048×1280×1280, 1.16 at 2048×1280×10240, 1.05 at
// 2048×5120×1280, 1.12 at 4096×320×320, 1.17 at 8192×640×640, 1.15 to 1.2 at
// 154×768×320, 0.92 to 1.08 at 154×2048×1280 and 1.9 at 2×1280×1280; its Conv2d 2.7 to
// 3.3 times at the 3×3 shapes of stride 1 (one thread, the same minutes).
//
// Bfloat16 by AMX reaches 150 to 240 % for linear layers and 160 to 220 % for the
// convolutions on the same machine with thirty programs (2026-11-25).
//
// The figures are the benchmarks'; EASEL_CPU selects a level (see package asm):
//
//	go test -run - -bench 'Linear|Conv2D' ./internal/engine/cpu
//
// # Attention and memory
//
// On one thread of a two-core Xeon with AMX (480 MB of last cache shared with other
// machines) beside four to eight other programs, 2026-11-26. Attention (batch × heads ×
// length × size of a head), of the multiply-add peak, medians of three runs; its
// gradient takes 2.4 to 2.6 times as long:
//
//	2×8×4096×40    78%        2×8×1024×80    68%
//	2×10×4096×64   76%        2×20×1024×64   69%
//	2×8×4096 × 77 keys of 40, 2×20×1024 × 77 of 64: 35%, 38%: memory
//
// What is bound by memory, of the bandwidth that copying reaches on as many threads in
// the same rounds (13 GB/s, reads and writes counted, for one; the same to 18 GB/s for
// two, as the other programs left it; 27 GB/s on a quiet machine), the best rounds of a
// run. Tensors are of 32 to 168 MB; each operand counts once, and again what must be
// read before anything can be written:
//
//	                  1    2 threads                     1    2 threads
//	layer norm       81%   82%        add              109%  108%
//	  its gradient   82%   64%        scaled sum of 3  104%  108%
//	RMS norm         78%   94%        add to rows       92%   81%
//	softmax          76%   76%        sum of rows       92%   90%
//	group norm+SiLU  81%   83%        permute to NCHW   83%   81%
//	  its gradient   62%   58%        permute heads     84%   88%
//	SiLU             96%   95%        concatenate       86%   97%
//	GELU             80%   82%        enlarge           82%   79%
//	quick GELU       96%   94%        its gradient      86%   87%
//	GELU, gradient   99%  100%        rope              93%   93%
//	GEGLU            88%   87%        float16→float32   90%   79%
//	its gradient    102%  105%        float32→float16  108%  103%
//	squared error   108%   93%        AdamW            189%  244%
//
// More than 100 % is what writes little or, AdamW, where it has read. Group norm's
// gradient computes two exponentials and two quotients a number and waits for memory
// besides.
//
// Products of bfloat16 by AMX are bound by memory too. TDPBF16PS alone reaches 3.3 TFLOPS,
// 15 times the multiply-add peak; the loop, its panels in the second cache, 45 % of
// that; linear layers from and to float32 13 to 25 %: 2048×1280×1280 takes 2.0 ms at
// the peak, while rounding A, reading it once for each block of columns and writing the
// result move some 66 MB, 5 ms at the bandwidth above.
//
//	go test -run - -bench 'Engine|Attention|Linear' ./internal/engine/cpu
package cpu
