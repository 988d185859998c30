// Package graph builds the expression graph every network is: nodes of
// gorgonia.ExprGraph whose ops are ours.
//
// A [Builder] makes one graph. Its leaves are inputs, which a program is given for
// each run, constants, the weights as they are stored, and variables, weights that
// may change between runs. Everything else is an [Op] applied to nodes; package op
// has the constructors. Shapes are fixed when a node is made: a wrong one raises a
// failure that says op, shapes and scope, which [Catch] turns into an error at the
// entry of a public function. [Backprop] adds the gradients of a loss as more nodes
// of the same graph, and package plan turns nodes into a program.
//
// # What of gorgonia is used
//
// Node, ExprGraph and the SDOp contract. Not its compiler, machines, built-in ops,
// constants or Grad: those keep every activation, cannot compute with half types,
// merge what must not be merged and take quadratic time. Two rules follow from how
// ExprGraph tells nodes apart, by a hash that ignores the children: every [Call] has
// a number of its own, which is its hash, and names of leaves are unique. A node
// that stands for another op than the one just added is noticed, and the next number
// is taken.
//
// # Dtypes
//
// Activations and gradients are float32, whatever weights are stored in. Matrices
// and filters are taken as stored; vectors are widened to float32 once per graph.
package graph
