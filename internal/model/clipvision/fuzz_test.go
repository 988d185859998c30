package clipvision

import (
	"errors"
	"testing"

	"github.com/easel-go/easel/internal/fault"
)

// FuzzParse hands config files to Parse: each is refused with a kind, or describes a
// network that can be made.
func FuzzParse(f *testing.F) {
	for _, text := range []string{`{}`, `null`, `[]`, `{"hidden_size": -1}`, `{"hidden_size": 4611686018427387904}`, `{"hidden_size": [1e3]}`, `{"image_size": 16384, "patch_size": 1}`, `{"num_hidden_layers": 1000000000}`, `{"hidden_size": 8, "num_attention_heads": 2, "image_size": 32, "patch_size": 8}`} {
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
