package chatglm

import (
	"errors"
	"os"
	"testing"

	"github.com/easel-go/easel/internal/fault"
)

// FuzzParse hands config files to Parse: each is refused with a kind, or describes a
// network that can be made.
func FuzzParse(f *testing.F) {
	for _, path := range []string{"../../../examples/tiny/kolors/text_encoder/config.json"} {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{`{}`, `null`, `[]`, `{"hidden_size": -1}`, `{"hidden_size": 4611686018427387904}`, `{"hidden_size": [1e3]}`, `{"num_layers": 1000000000}`, `{"multi_query_attention": true, "multi_query_group_num": 0}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse(text)
		if err == nil {
			New(c)
			return
		}
		if fault.KindOf(err) == "" || !errors.Is(err, fault.KindOf(err)) {
			t.Errorf("%T %v has no kind", err, err)
		}
	})
}
