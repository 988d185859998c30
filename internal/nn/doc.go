// Package nn holds the layers the networks are made of: structs whose weight tags
// spell the names of a checkpoint's tensors and whose Forward builds graph nodes.
package nn
