// Package chinese adds chinese_convert_mapper to the ops of package filter: importing
// it is enough.
//
//	import _ "github.com/easel-go/easel/filter/chinese"
//
// It is a package of its own because the module with the tables of OpenCC,
// github.com/longbridgeapp/opencc, weighs a megabyte and defines a command-line flag
// (-dir) of every program that it is part of.
//
// The tables are those of OpenCC 1.1; later versions differ in single characters.
// Data-Juicer's modes tw2t, hk2t, t2jp and jp2t are not among them.
package chinese

import (
	"context"
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

func (m *convert) Map(_ context.Context, r *filter.Row) ([]*filter.Row, error) {
	m.once.Do(func() {
		if m.cc, m.err = opencc.New(m.Mode); m.err != nil {
			m.err = &fault.Error{Kind: fault.Unsupported, Op: "filter", What: "chinese_convert_mapper: mode", Have: m.Mode,
				Want: "s2t, t2s, s2tw, tw2s, s2hk, hk2s, s2twp, tw2sp, t2tw or t2hk"}
		}
	})
	if m.err != nil {
		return nil, m.err
	}
	text, err := r.Text()
	if err == nil {
		text, err = m.cc.Convert(text)
	}
	if err != nil {
		return nil, err
	}
	r.SetText(text)
	return []*filter.Row{r}, nil
}
