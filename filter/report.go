package filter

type Report struct{}

func (p *Report) lost(Step, []*Row, error) {}
