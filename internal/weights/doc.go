// Package weights ties the tensors of a checkpoint to the parameters of a network.
package weights
