package graph

import (
	"fmt"

	"github.com/easel-go/easel/internal/fault"
)

// failure carries an error up through the code that builds a network. Building is
// arithmetic on nodes and returns nodes; what can go wrong in it ends the whole
// pass, so it travels as a panic from Fail to Catch and never leaves the module.
type failure struct{ err error }

// Fail ends the building of a network with an error. A cause given with %w is kept,
// and with it its kind; otherwise the kind is fault.Invalid.
func Fail(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if fault.KindOf(err) == "" {
		err = &fault.Error{Kind: fault.Invalid, Op: "graph", Err: err}
	}
	panic(failure{err})
}

// fail ends the building of a network with err.
func fail(err *fault.Error) { panic(failure{err}) }

// Catch stores in *err the error that Fail raised, if any. A function that runs
// building code and returns an error begins with
//
//	defer graph.Catch(&err)
//
// A panic that did not come from Fail is a bug and goes on.
func Catch(err *error) {
	switch r := recover().(type) {
	case nil:
	case failure:
		*err = r.err
	default:
		panic(r)
	}
}
