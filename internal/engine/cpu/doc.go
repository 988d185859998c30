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
// cores, nothing else on them, medians of two to five runs, 2026-11-26; a convolution by
// Winograd's way counts the products of a direct one):
//
//	                              1 thread  2 threads
//	linear 2048×1280×1280             81 %       84 %
//	linear 2048×1280×10240            78 %       89 %
//	linear 2048×5120×1280             80 %       93 %
//	linear 4096×320×320               85 %       87 %
//	linear 8192×640×640               84 %       88 %
//	linear 154×768×320                77 %       67 %
//	linear 154×2048×1280              66 %       73 %
//	linear 2×1280×1280                18 %       16 %
//	3×3 320→320 at 64²               224 %      239 %
//	3×3 640→640 at 32²               187 %      209 %
//	3×3 1280→1280 at 16²             134 %      142 %
//	3×3 512→512 at 128²              249 %      265 %
//	3×3 320→320 at 64², stride 2      77 %       79 %
//	1×1 320→320 at 64²                82 %       90 %
//
// One thread alone on the machine clocks its multiply-adds higher than memory keeps up
// with: beside other programs the same kernels reached 86, 88 and 85 % in the first three
// rows. The tile alone reaches 95 %; with few rows an eighth of the time goes into making
// panels. Layers of two rows read the weight at 19 GB/s, which is what bounds them: a
// sum over 5 MB reads 23 GB/s. PyTorch 2.13's Linear, from float32 weights, takes 1.17
// times as long as ours at 2048×1280×1280, 1.11 at 2048×1280×10240, 1.05 at
// 2048×5120×1280, 1.13 at 4096×320×320, 1.16 at 8192×640×640, 1.18 at 154×768×320, 0.87
// to 1.05 at 154×2048×1280 and 1.9 at 2×1280×1280 (one thread, medians of three rounds in
// turn); its Conv2d 2.3 to 3.3 times at the 3×3 shapes of stride 1.
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
// On a two-core Xeon with AMX (480 MB of last cache shared with other machines), with
// nothing else on it, 2026-11-26. Attention (batch × heads × length × size of a head), of
// the multiply-add peak; its gradient takes 2.4 to 2.6 times as long:
//
//	                1    2 threads                     1    2 threads
//	2×8×4096×40    74%   81%        2×8×1024×80       68%   80%
//	2×10×4096×64   73%   80%        2×20×1024×64      72%   76%
//	2×8×4096 × 77 keys of 40, 2×20×1024 × 77 of 64: 44% and 41%: memory
//
// What is bound by memory, of the bandwidth that copying reaches on as many threads in
// the same rounds (13 GB/s for one, 26 for two, reads and writes counted). Tensors are of
// 32 to 168 MB; each operand counts once, and again what must be read before anything can
// be written:
//
//	                  1    2 threads                     1    2 threads
//	layer norm       79%   78%        add              113%  118%
//	  its gradient   80%   73%        scaled sum of 3  105%  108%
//	RMS norm         80%   81%        add to rows       93%   86%
//	softmax          83%   69%        sum of rows       91%   80%
//	group norm+SiLU  81%   78%        permute to NCHW   81%   70%
//	  its gradient   62%   57%        permute heads     85%   91%
//	SiLU             98%   90%        concatenate       84%   84%
//	GELU             83%   69%        enlarge           80%   79%
//	quick GELU       96%   89%        its gradient      86%   89%
//	GELU, gradient  105%  100%        rope              90%   94%
//	GEGLU            91%   80%        float16→float32   87%   91%
//	its gradient    105%   97%        float32→float16  106%  103%
//	squared error   113%  116%        AdamW            183%  191%
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
