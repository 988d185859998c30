// Package fault holds the error that every package of the module returns: what
// went wrong, where, what was there and what was wanted, and of which kind it is.
//
// Public packages alias [Error] and the kinds they return, so that a program can
// write
//
//	var e *diffusion.Error
//	if errors.As(err, &e) && errors.Is(err, diffusion.Truncated) { … }
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is the class of an [Error]. A Kind is an error itself, so that
// errors.Is(err, fault.Truncated) asks for it.
type Kind string

// Error returns the kind's name.
func (k Kind) Error() string { return string(k) }

// The kinds of error.
const (
	Truncated   Kind = "truncated"     // the input ends before it should
	Unsupported Kind = "not supported" // well formed, and beyond what this build can do
	Missing     Kind = "missing"       // a file, tensor, key or part that must be there is not
	Shape       Kind = "wrong shape"   // sizes that do not fit together
	Closed      Kind = "closed"        // use after Close
	NotFinite   Kind = "not finite"    // NaN or infinity where a number must be
	Limit       Kind = "over a limit"  // larger than the caller, or safety, allows
	Invalid     Kind = "invalid"       // malformed input or a nonsensical argument
)

// Error says what is wrong. Fields that do not apply are empty.
type Error struct {
	Kind  Kind   // the class; errors.Is finds it
	Op    string // package or operation: "weights"
	Where string // file, tensor, line: "unet/model.safetensors"
	What  string // the thing at fault: "size", "tensor conv_in.weight"
	Have  string // what was found
	Want  string // what would have been right
	Err   error  // the cause, if another error is
}

// Error spells the fields that are set:
//
//	diffusion: size 1000x1001, want positive multiples of 8
func (e *Error) Error() string {
	var b strings.Builder
	part := func(sep, s string) {
		if s == "" {
			return
		}
		if b.Len() > 0 {
			b.WriteString(sep)
		}
		b.WriteString(s)
	}
	part("", e.Op)
	part(": ", e.Where)
	part(": ", e.What)
	part(" ", e.Have)
	if e.Want != "" {
		part(", ", "want "+e.Want)
	}
	switch {
	case e.Err != nil:
		part(": ", e.Err.Error())
	case e.Want == "" && e.Kind != "":
		part(": ", e.Kind.Error())
	}
	return b.String()
}

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Kind != "" {
		errs = append(errs, e.Kind)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// KindOf returns the outermost kind in err's tree, or "" if it has none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok && e.Kind != "" {
		return e.Kind
	}
	if k, ok := errors.AsType[Kind](err); ok {
		return k
	}
	return ""
}

// Newf returns an [Error] of kind k from op, its text and cause made by
// fmt.Errorf. It is for errors that one sentence describes best; fill the fields
// of an Error where a program may want to read them.
func Newf(k Kind, op, format string, args ...any) *Error {
	return &Error{Kind: k, Op: op, Err: fmt.Errorf(format, args...)}
}
