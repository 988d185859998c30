package filter

import "context"

func init() {
	Register("replace_content_mapper", func() Op { return &replaceContent{} })
}

// replaceContent replaces what patterns match, one after the other. A single
// replacement serves all patterns; of several there is one for each.
type replaceContent struct {
	Patterns []string   `param:"pattern"`
	Repl     wordOrList `param:"repl"`

	res []*pattern
	tos []replacement
}

// wordOrList is a parameter that is text or a list of texts.
type wordOrList []string

func (m *replaceContent) check() error {
	m.res, m.tos = nil, nil
	for i, expr := range m.Patterns {
		re, err := compile(unquoteRaw(expr), true, false)
		if err != nil {
			return err
		}
		repl := ""
		switch {
		case len(m.Repl) == 1:
			repl = m.Repl[0]
		case i < len(m.Repl):
			repl = m.Repl[i]
		case len(m.Repl) > 0:
			return as("ValueError", fail(Invalid, "replace_content_mapper has %d patterns and %d replacements, want one for each", len(m.Patterns), len(m.Repl)))
		}
		to, err := re.template(repl)
		if err != nil {
			return err
		}
		m.res, m.tos = append(m.res, re), append(m.tos, to)
	}
	return nil
}

func (m *replaceContent) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (_ string, err error) {
		for i, re := range m.res {
			if text, err = re.sub(text, m.tos[i]); err != nil {
				return "", err
			}
		}
		return text, nil
	})
}
