// Package rng draws the random numbers that PyTorch and numpy would draw, so that a
// seed paints the picture it paints there.
//
//   - [Torch] is torch.Generator on a CPU: MT19937, with rand, randn, randint,
//     randperm and the order of a shuffling DataLoader.
//   - [CUDA] is torch.Generator on an NVIDIA GPU: Philox4x32-10, with randn.
//   - [NumPy] is numpy.random.RandomState with its standard_normal.
//
// The three are unrelated: seed 0 gives other numbers in each. A generator belongs
// to one goroutine at a time. Its state can be saved and restored
// (encoding.BinaryMarshaler and BinaryUnmarshaler); the bytes of Torch and CUDA
// are those of torch.Generator.get_state.
//
// What surprises, in torch:
//
//   - Only the low 32 bits of a seed count on a CPU; all 64 count on a GPU.
//   - Fewer than 16 normals are drawn by another algorithm than 16 or more, and one
//     of its values may be kept for the next call: see [Torch.Normal].
//   - Where the count is not a multiple of 16, the last 16 are drawn twice, and
//     float16 then differs from rounded float32.
//   - On a GPU the numbers of a large tensor depend on the size of the GPU: see
//     [CUDA].
package rng

// Source draws normal noise for a picture: a [*Torch] or a [*CUDA].
type Source interface {
	// Normal fills dst with standard normal values of precision p.
	Normal(dst []float32, p Precision)
}

var (
	_ Source = (*Torch)(nil)
	_ Source = (*CUDA)(nil)
)
