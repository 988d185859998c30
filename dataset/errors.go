package dataset

import (
	"errors"
	"io"
	"io/fs"

	"github.com/easel-go/easel/internal/fault"
)

// ErrorKind is the class of an [Error].
type ErrorKind = fault.Kind

// Error is what every call of the package returns when something is wrong: where,
// what, have and want, and the class, for errors.Is(err, dataset.Missing).
type Error = fault.Error

// The classes of [Error].
const (
	Truncated   = fault.Truncated   // a file ends before it should
	Unsupported = fault.Unsupported // a format that this build does not read
	Missing     = fault.Missing     // a file, split, subset or column that is not there
	Limit       = fault.Limit       // larger than safety allows
	Invalid     = fault.Invalid     // damaged or malformed
	Closed      = fault.Closed      // used after Close
)

// fail returns an error about the file at where.
func fail(k fault.Kind, where, format string, args ...any) error {
	e := fault.Newf(k, "dataset", format, args...)
	e.Where = where
	return e
}

// failed wraps a cause in an [Error] about the file at where. The kind is the cause's
// own, if it has one, else k. An error of this package that says where it is stays as
// it is.
func failed(k fault.Kind, where string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		switch {
		case e.Where != "" && (e.Op == "dataset" || e.Op == "hub" || e.Op == "arrow") || where == "":
			return err
		case error(e) == err && e.Op == "dataset":
			here := *e
			here.Where = where
			return &here
		}
		k = e.Kind
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		k = Missing
	case errors.Is(err, io.ErrUnexpectedEOF):
		k = Truncated
	}
	return &Error{Kind: k, Op: "dataset", Where: where, Err: err}
}

// Fail returns an [Error] of a kind, for formats that other modules read. op names the
// module.
func Fail(k ErrorKind, op, format string, args ...any) error {
	return fault.Newf(k, op, format, args...)
}
