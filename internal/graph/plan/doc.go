// Package plan turns the nodes of a graph into a [Program] that an engine runs.
//
// Compile drops what the outputs do not depend on, keeps the order in which the nodes
// were made, joins neighbours that one kernel can compute, asks the engine for the
// kernels, repeats forward steps where checkpointing asks for it, lets results take
// over the memory of inputs that nobody reads any more and gives everything else a
// place in one slab. Whatever can fail is found out there: a run only launches
// kernels.
//
// # Memory
//
// A [VM] has a slab: inputs, then what steps compute, then the scratch memory that the
// kernels share one after the other. Two values lie at the same place only if no step
// needs both. Constants and variables stay where they are, or have a copy on the
// device. Views (a reshape; a slice or a permutation that leaves the numbers in their
// order) take no memory and no step.
//
// # Checkpoints
//
// A training graph keeps what the forward pass computes until the backward pass has
// read it. Options.Checkpoint divides the forward pass into segments; what one segment
// computes for itself is then computed again when the backward pass comes to it, by
// the same kernels from the same inputs, so that no number changes.
//
// # Figures
//
// The UNet of SDXL at 1024×1024, two pictures at a time, planned for an engine whose
// kernels take no time to prepare, on an Intel Xeon (2 cores, November 2026;
// go test -run SlabOfSDXL -v, and -bench Compile):
//
//	                                nodes    steps  compile  slab      least possible
//	inference                       3 435    1 214  5 ms     363 MiB   363 MiB
//	training, rank 16               14 582    7 095  32 ms    16.2 GiB  16.1 GiB
//	training, rank 16, checkpoints  14 582   10 091  34 ms    2.28 GiB  2.27 GiB
//
// The slab is inputs, scratch and what lies between; the least possible is the most
// that is in use at one step. Placed in the order of first use alone, inference takes
// 10 % more than that; placed by size alone, training with checkpoints takes 4 % more.
package plan
