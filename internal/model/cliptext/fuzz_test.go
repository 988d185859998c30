package cliptext

import (
	"errors"
	"os"
	"testing"

	"github.com/easel-go/easel/internal/fault"
)

// FuzzParse hands config files to Parse: each is refused with a kind, or describes a
// network that can be made.
func FuzzParse(f *testing.F) {
	for _, path := range []string{"../config/sd1/text_encoder/config.json", "../config/sdxl/text_encoder_2/config.json"} {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{`{}`, `null`, `[]`, `{"hidden_size": -1}`, `{"hidden_size": 4611686018427387904}`, `{"hidden_size": [1e3]}`, `{"max_position_embeddings": 1}`, `{"num_hidden_layers": 1000000000}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse(text, len(text)%2 == 0)
		if err == nil {
			New(c)
			return
		}
		if fault.KindOf(err) == "" || !errors.Is(err, fault.KindOf(err)) {
			t.Errorf("%T %v has no kind", err, err)
		}
	})
}
