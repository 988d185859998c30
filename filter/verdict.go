package filter

import (
	"fmt"
	"math"
	"strings"

	"github.com/easel-go/easel/dataset"
)

// Verdict is what one op decided about a sample, and why.
type Verdict struct {
	Op      string         // the op's name
	Step    int            // its place in the list, from 0
	Kept    bool           // whether the sample went on
	Numbers dataset.Struct // what the op decided by, of the statistics
	Bounds  []Bound        // what the numbers were held against, if the op decides by ranges
	Like    string         // of a duplicate: the sample that it repeats
	Err     error          // why the op failed on the sample, if it did
}

// String explains the verdict in a line:
//
//	image_shape_filter drops it: image_width [40], want min_width 64
func (v Verdict) String() string {
	var b strings.Builder
	b.WriteString(v.Op)
	switch {
	case v.Err != nil:
		fmt.Fprintf(&b, " fails on it: %v", v.Err)
		return b.String()
	case v.Kept:
		b.WriteString(" keeps it")
	default:
		b.WriteString(" drops it")
	}
	if v.Like != "" {
		fmt.Fprintf(&b, ": the same as %s", v.Like)
	}
	for i, f := range v.Numbers {
		sep := ": "
		if i > 0 {
			sep = ", "
		}
		fmt.Fprintf(&b, "%s%s %s", sep, f.Name, dataset.AppendJSON(nil, f.Value))
	}
	for i, bound := range v.Bounds {
		if i == 0 {
			b.WriteString(", want ")
		} else {
			b.WriteString(" and ")
		}
		b.WriteString(bound.String())
	}
	return b.String()
}

// String spells the range: "64 ≤ image_width".
func (b Bound) String() string {
	le := func(open bool) string {
		if open {
			return "<"
		}
		return "≤"
	}
	s := b.Stat
	if !math.IsInf(b.Min, -1) && b.Min > -maxSize {
		s = fmt.Sprintf("%g %s %s", b.Min, le(b.MinOpen != b.Reversed), s)
	}
	if !math.IsInf(b.Max, 1) && b.Max < maxSize {
		s = fmt.Sprintf("%s %s %g", s, le(b.MaxOpen != b.Reversed), b.Max)
	}
	if b.Reversed {
		s = "not " + s
	}
	return s
}

// Result is a sample with what became of it.
type Result struct {
	Sample   *dataset.Sample // as the ops left it, with the columns that they added
	Stats    *Stats          // everything measured of it
	Index    int             // its number in the source, from 0
	Kept     bool            // whether it passed all ops
	Verdicts []Verdict       // of the ops that saw it, in order
	Err      error           // why it failed, if an op, or reading it, did
}

// Failed returns the name of the op that dropped the sample, or "".
func (r *Result) Failed() string {
	if r.Kept || len(r.Verdicts) == 0 {
		return ""
	}
	return r.Verdicts[len(r.Verdicts)-1].Op
}

func (r *Row) result() *Result {
	return &Result{Sample: r.Sample, Stats: r.Stats, Index: r.Index, Kept: !r.dropped, Verdicts: r.verdicts, Err: r.err}
}

// rule appends a verdict and drops the row if it says so.
func (r *Row) rule(v Verdict) {
	r.verdicts = append(r.verdicts, v)
	if !v.Kept {
		r.dropped = true
	}
	if v.Err != nil {
		r.err = v.Err
	}
}
