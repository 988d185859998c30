package filter

import (
	"context"
	"strconv"
	"strings"
)

func init() {
	Register("remove_table_text_mapper", func() Op { return &removeTable{Min: 2, Max: 20} })
}

// removeTable removes tables: two lines or more of the same number of words.
type removeTable struct {
	Min int `param:"min_col"`
	Max int `param:"max_col"`

	res []*pattern
}

func (m *removeTable) check() error {
	if m.Min < 2 || m.Max > 20 || m.Min > 20 || m.Max < 2 {
		return as("parser", fail(Invalid, "remove_table_text_mapper: columns %d to %d, want 2 to 20", m.Min, m.Max))
	}
	m.res = nil
	for n := m.Min - 1; n < m.Max; n++ {
		re, err := compile(`(?<=\n)((\S+?)([ |\t](\S+?)){`+strconv.Itoa(n)+`}\n+){2,}`, false, false)
		if err != nil {
			return err
		}
		m.res = append(m.res, re)
	}
	return nil
}

func (m *removeTable) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (_ string, err error) {
		for _, re := range m.res {
			if strings.Count(text, "\n") < 3 {
				break // a line feed before the table and one behind each of two rows
			}
			if text, err = re.sub(text, replacement{}); err != nil {
				return "", err
			}
		}
		return text, nil
	})
}
