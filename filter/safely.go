package filter

import (
	"fmt"
)

// safely calls fn and turns a panic of it, such as a user's op may have, into an error
// of the row.
func safely(r *Row, fn func(*Row) ([]*Row, error)) (out []*Row, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fail(Invalid, "%s: the op panicked: %s", r, fmt.Sprint(p))
		}
	}()
	return fn(r)
}
