// Package nn holds the layers the networks are made of: structs whose weight tags
// spell the names of a checkpoint's tensors and whose Forward builds graph nodes.
//
// A tree of layers describes a checkpoint before any file is opened: constructors fix
// the shapes of the [Param]s, weights.Bind fills them, and Forward, called once for
// each shape of input, makes nodes of them. What goes wrong while a network is built
// is raised by [Fail] and becomes an error where [Catch] is deferred.
//
// # Adapters
//
// A Linear or Conv2D carries the [Delta]s of the adapters in use. Their matrices are
// applied beside the layer's own weight, which stays as it is stored, and their scale
// is an input of the program, so that changing it makes nothing anew.
package nn
