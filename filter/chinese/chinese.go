// Package chinese adds chinese_convert_mapper to the ops of package filter: importing
// it is enough.
//
//	import _ "github.com/easel-go/easel/filter/chinese"
//
// It is a package of its own because the module with the tables of OpenCC,
// github.com/longbridgeapp/opencc, weighs a megabyte and defines a command-line flag
// (-dir) of every program that it is part of.
//
// The tables are those of OpenCC 1.1. Every single character becomes what OpenCC 1.4.2
// makes of it, which Data-Juicer installs today: newer says where the two differ. In
// phrases there are differences left: of six thousand texts of three random entries of the
// dictionaries, 3 (t2hk) to 208 (tw2t) come out otherwise.
//
// Of Data-Juicer's modes, t2jp and jp2t are not here: the module has no way to their
// tables.
package chinese

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/easel-go/easel/filter"
	"github.com/easel-go/easel/internal/fault"
	"github.com/longbridgeapp/opencc"
)

func init() {
	filter.Register("chinese_convert_mapper", func() filter.Op { return &convert{Mode: "s2t"} })
}

// convert writes Chinese in other characters: simplified, traditional, those of Taiwan
// or Hong Kong.
type convert struct {
	Mode string `param:"mode"`

	once sync.Once
	cc   *opencc.OpenCC
	err  error
}

// Check opens the tables of the mode.
func (m *convert) Check() error {
	m.once.Do(func() { m.cc, m.err = open(m.Mode) })
	return m.err
}

func (m *convert) Map(_ context.Context, r *filter.Row) ([]*filter.Row, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	text, err := r.Text()
	if err == nil {
		text, err = m.cc.Convert(unified(text))
	}
	if err != nil {
		return nil, err
	}
	r.SetText(text)
	return []*filter.Row{r}, nil
}

// partOf are the modes that are the first half of another: back to OpenCC's traditional
// characters, and no further.
var partOf = map[string]string{"tw2t": "tw2s", "hk2t": "hk2s"}

// modes are those of Data-Juicer that are here.
var modes = []string{"s2t", "t2s", "s2tw", "tw2s", "s2hk", "hk2s", "s2twp", "tw2sp", "t2tw", "tw2t", "t2hk", "hk2t"}

func open(mode string) (*opencc.OpenCC, error) {
	whole, half := partOf[mode]
	if !half {
		whole = mode
	}
	cc, err := opencc.New(whole)
	if err != nil || !slices.Contains(modes, mode) {
		return nil, &fault.Error{Kind: fault.Unsupported, Op: "filter", What: "chinese_convert_mapper: mode", Have: mode, Want: "one of " + strings.Join(modes, ", ")}
	}
	if half {
		cc.DictChains = cc.DictChains[:1]
	}
	return cc, renew(cc)
}
