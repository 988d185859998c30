package filter

import (
	"context"
	"strconv"

	"github.com/easel-go/easel/dataset"
)

func init() {
	Register("general_field_filter", func() Op { return &generalField{} })
}

// generalField keeps samples for which a condition over their columns holds, written in
// a part of Python: and, or, not, comparisons in chains, in, columns, fields with dots,
// numbers, texts and lists.
type generalField struct {
	Condition string `param:"filter_condition"`
	Interval

	expr expr
}

func (f *generalField) alone() {}

func (f *generalField) check() (err error) {
	if pyStrip(f.Condition) == "" {
		return nil
	}
	if f.expr, err = parseExpr(f.Condition); err != nil {
		return as("ValueError", &Error{Kind: Invalid, Op: "filter", What: "filter_condition " + strconv.Quote(f.Condition), Err: err})
	}
	return nil
}

const conditionStat = "general_field_filter_condition"

func (f *generalField) Measure(_ context.Context, r *Row) error {
	if f.expr == nil || r.Stats.Has(conditionStat) {
		return nil
	}
	v, err := f.expr(r)
	if err == nil {
		r.Stats.Set(conditionStat, v)
	}
	return err
}

func (f *generalField) Keep(r *Row) (bool, error) {
	v, ok := r.Stats.Get(conditionStat)
	return !ok || truthy(v), nil
}

// truthy is bool(v).
func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case dataset.Struct:
		return len(v) > 0
	}
	x, ok := number(v)
	return !ok || x != 0
}
