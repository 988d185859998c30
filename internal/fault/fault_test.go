package fault

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestError(t *testing.T) {
	for _, c := range []struct {
		err  *Error
		want string
	}{
		{&Error{Kind: Invalid, Op: "diffusion", What: "size", Have: "1000x1001", Want: "positive multiples of 8"},
			"diffusion: size 1000x1001, want positive multiples of 8"},
		{&Error{Kind: Truncated, Op: "weights", Where: "a.safetensors"}, "weights: a.safetensors: truncated"},
		{&Error{Op: "hub", Where: "x", Err: io.EOF}, "hub: x: EOF"},
		{Newf(Limit, "filter", "line %d: %w", 3, io.EOF), "filter: line 3: EOF"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("have %q, want %q", got, c.want)
		}
	}
}

func TestKind(t *testing.T) {
	err := fmt.Errorf("outer: %w", &Error{Kind: Truncated, Op: "weights", Err: io.ErrUnexpectedEOF})
	if !errors.Is(err, Truncated) || !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, Limit) {
		t.Errorf("%v: wrong kinds", err)
	}
	if k := KindOf(err); k != Truncated {
		t.Errorf("kind %q, want %q", k, Truncated)
	}
	if k := KindOf(io.EOF); k != "" {
		t.Errorf("kind %q of a foreign error, want none", k)
	}
}
