package vae

import (
	"errors"
	"os"
	"testing"

	"github.com/easel-go/easel/internal/fault"
)

// FuzzParse hands config files to Parse: each is refused with a kind, or describes a
// network that can be made.
func FuzzParse(f *testing.F) {
	for _, path := range []string{"../config/sd1/vae/config.json", "../config/sdxl/vae/config.json", "../../../examples/tiny/kolors/vae/config.json"} {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{`{}`, `null`, `[]`, `{"block_out_channels": -1}`, `{"block_out_channels": 4611686018427387904}`, `{"block_out_channels": [1e3]}`, `{"sample_size": 1}`, `{"layers_per_block": 1000000000}`} {
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
