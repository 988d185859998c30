package filter

import (
	"errors"
	"io/fs"

	"github.com/easel-go/easel/internal/fault"
)

// Error is what every call of the package returns when something is wrong: where,
// what, have and want, and the class, for errors.Is(err, filter.Missing).
type Error = fault.Error

// The classes of [Error].
const (
	Truncated   = fault.Truncated   // a file ends before it should
	Unsupported = fault.Unsupported // beyond what this build can do
	Missing     = fault.Missing     // a file, column, op or model that is not there
	Shape       = fault.Shape       // sizes that do not fit together
	Limit       = fault.Limit       // larger than safety allows
	Invalid     = fault.Invalid     // malformed input or a nonsensical setting
)

func fail(k fault.Kind, format string, args ...any) error {
	return fault.Newf(k, "filter", format, args...)
}

// likePython is an error with what Data-Juicer 1.6.1 ends with at the same place:
// the class of its exception and the exit code of dj-process.
type likePython struct {
	error
	class string
	exit  int
}

func (e *likePython) Unwrap() error { return e.error }

// as marks err with the exception that Data-Juicer raises in its place.
func as(class string, err error) error {
	if err == nil {
		return nil
	}
	return &likePython{err, class, 1}
}

// refused marks an error of the command line or the recipe's form, found before
// anything runs. exit is 2 where Data-Juicer's parser finds it, 1 where its check
// of the ops does.
func refused(exit int, err error) error { return &likePython{err, "parser", exit} }

// ExitCode returns what dj-process would have ended with: 0 for no error, 2 for a
// command line or recipe that its parser refuses, 1 for everything else.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*likePython](err); ok {
		return e.exit
	}
	return 1
}

// Exception returns the name of the exception that Data-Juicer 1.6.1 raises where
// err came up, or "parser" for what it refuses before it runs, or "" if unknown.
func Exception(err error) string {
	if e, ok := errors.AsType[*likePython](err); ok {
		return e.class
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "FileNotFoundError"
	}
	return ""
}
