package filter

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/easel-go/easel/dataset"
)

func init() {
	Register("suffix_filter", func() Op { return &suffixFilter{} })
	Register("specified_field_filter", func() Op { return &specifiedField{} })
	Register("specified_numeric_field_filter", func() Op { return &specifiedNumber{Min: -maxSize, Max: maxSize} })
}

// suffixFilter keeps samples that came from files of some kinds: the column
// __dj__suffix__ holds the suffix, dot included. Without suffixes all stay.
type suffixFilter struct {
	Suffixes []string `param:"suffixes"`
	Interval
}

func (f *suffixFilter) alone()    {}
func (f *suffixFilter) statless() {}

func (f *suffixFilter) Measure(context.Context, *Row) error { return nil }

func (f *suffixFilter) Keep(r *Row) (bool, error) {
	if len(f.Suffixes) == 0 {
		return true, nil
	}
	v, ok := r.Sample.Get(suffixColumn)
	if !ok {
		return false, &Error{Kind: Missing, Op: "filter", What: "column " + suffixColumn}
	}
	in := false
	for _, s := range f.Suffixes {
		in = in || v == any(s)
	}
	return in != f.Reversed, nil
}

// specifiedField keeps samples whose field has one of some values. Of a list every
// element must.
type specifiedField struct {
	Field  string `param:"field_key"` // "meta.source" is a field within a column
	Values []any  `param:"target_value"`
	Interval
}

func (f *specifiedField) alone() {}

func (f *specifiedField) Measure(_ context.Context, r *Row) error { return r.copyField(f.Field) }

// copyField makes a statistic of a field.
func (r *Row) copyField(field string) error {
	if field == "" && !r.Strict {
		return nil // nothing is asked for, so everything stays
	}
	v, ok := r.Get(field)
	if !ok {
		return as("AssertionError", &Error{Kind: Missing, Op: "filter", What: "field " + strconv.Quote(field)})
	}
	if j, isJSON := v.(dataset.JSON); isJSON {
		v = j.Value()
	}
	if !r.Stats.Has(field) {
		r.Stats.Set(field, v)
	}
	return nil
}

func (f *specifiedField) Keep(r *Row) (bool, error) {
	if f.Field == "" || len(f.Values) == 0 {
		return true, nil
	}
	v, _ := r.Stats.Get(f.Field)
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	all := true
	for _, e := range list {
		found := false
		for _, want := range f.Values {
			found = found || pyEqual(e, want)
		}
		all = all && found
	}
	return all != f.Reversed, nil
}

// pyEqual is ==: numbers and bools of any type compare by value.
func pyEqual(a, b any) bool {
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && x == y
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		s, ok := b.(string)
		return ok && a == s
	case []any:
		l, ok := b.([]any)
		if !ok || len(a) != len(l) {
			return false
		}
		for i := range a {
			if !pyEqual(a[i], l[i]) {
				return false
			}
		}
		return true
	}
	return false
}

// specifiedNumber keeps samples whose field is a number in range. A text that spells a
// number counts as one.
type specifiedNumber struct {
	Field string  `param:"field_key"`
	Min   float64 `param:"min_value"`
	Max   float64 `param:"max_value"`
	Interval
}

func (f *specifiedNumber) alone() {}

func (f *specifiedNumber) Measure(_ context.Context, r *Row) error { return r.copyField(f.Field) }

func (f *specifiedNumber) Keep(r *Row) (bool, error) {
	if f.Field == "" {
		return true, nil
	}
	v, _ := r.Stats.Get(f.Field)
	x, ok := number(v)
	if s, isText := v.(string); isText {
		x, ok = pyFloat(s)
	}
	if _, isText := v.(string); r.Strict && !isText && x == 0 {
		return false, nil // Data-Juicer asks "if value", which the number 0 is not
	}
	return ok && f.holds(x, f.Min, f.Max), nil
}

// pyFloat is float(s).
func pyFloat(s string) (float64, bool) {
	s = pyStrip(s)
	if strings.ContainsAny(s, "xXpP") {
		return 0, false
	}
	x, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return x, err == nil || math.IsInf(x, 0)
}

func (f *specifiedNumber) Bounds() []Bound {
	return []Bound{{Stat: f.Field, Min: f.Min, Max: f.Max, MinName: "min_value", MaxName: "max_value", Interval: f.Interval}}
}
