// Package engine says what a device must be able to do. It knows no network and no
// graph: an [Engine] turns the description of a kernel (an [Op], which fixes every
// size and dtype) into a [Kernel] that runs on memory of its device.
//
// # Conventions
//
// Activations are float32 and row-major; pictures are NHWC: [batch, height, width,
// channels]. Weight matrices are taken as they are stored, float32, Float16 or
// Bfloat16, in torch's layouts: linear [out, in], convolution [out, in, kh, kw].
// Vectors (bias, gamma, beta) are float32; the graph widens them when they are
// bound. Sizes in an Op are positive; an engine may rely on it, because the graph
// checks shapes when it is built.
//
// # Batch and rows
//
// Where an Op has both a Batch and the size of one item, an engine chooses its way
// by the item's size and the device alone, never by Batch or the number of
// workers, and orders every sum within an item the same way: row i of a batch has
// the bits of batch 1. Gradients of weights, which sum over the batch, sum it in
// order.
//
// # What each kernel means
//
// Package enginetest defines every Op in float64 and holds the suite that every
// engine must pass.
package engine
