// Package op has what can stand in a graph. A constructor takes the builder first and
// returns a node; inputs of a wrong shape raise a failure that graph.Catch turns into
// an error. Each file has one op: its constructor, its shape rule, its gradient rule
// and the kernel that computes it.
//
// Activations are float32 [B, …] with the batch first; pictures are NHWC. Weights are
// float32, float16 or bfloat16 as they are stored, vectors float32. Gradients are
// float32.
package op
