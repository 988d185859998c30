package nn

import "github.com/easel-go/easel/internal/graph"

// Fail ends the building of a network with an error; Catch, deferred, stores it in
// *err. They are graph's, named here because networks are written with this package.
var (
	Fail  = graph.Fail
	Catch = graph.Catch
)
