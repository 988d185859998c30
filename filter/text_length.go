package filter

import "context"

func init() {
	Register("text_length_filter", func() Op { return &textLength{Min: 10, Max: maxSize} })
}

// textLength keeps texts of so many code points.
type textLength struct {
	Min int `param:"min_len"`
	Max int `param:"max_len"`
	Interval
}

func (f *textLength) Measure(_ context.Context, r *Row) error {
	return r.measureText("text_len", func(text string) any { return int64(pyLen(text)) })
}

func (f *textLength) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepOne(r.Stats) }

func (f *textLength) Bounds() []Bound {
	return []Bound{{Stat: "text_len", Min: float64(f.Min), Max: float64(f.Max), MinName: "min_len", MaxName: "max_len", Interval: f.Interval}}
}

// measureText adds a statistic of the text, unless it is there.
func (r *Row) measureText(stat string, of func(text string) any) error {
	return r.tryText(stat, func(text string) (any, error) { return of(text), nil })
}

// tryText is measureText for what may fail.
func (r *Row) tryText(stat string, of func(text string) (any, error)) error {
	if r.Stats.Has(stat) {
		return nil
	}
	text, err := r.Text()
	if err != nil {
		return err
	}
	v, err := of(text)
	if err == nil {
		r.Stats.Set(stat, v)
	}
	return err
}
