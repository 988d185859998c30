package train

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

// TestGoldenEvents writes what lightning.json lists, and gets the files that
// TensorBoard's own writer made, byte by byte.
func TestGoldenEvents(t *testing.T) {
	dir := golden.Part(t, "train/lightning")
	for name, raw := range golden.JSON[map[string]json.RawMessage](t, golden.Part(t, "train/lightning.json")) {
		if !strings.HasPrefix(name, "events.") {
			continue
		}
		type event struct {
			Wall  float64 `json:"wall_time"`
			Step  int64
			Tag   string
			Value float64
		}
		events := golden.Decode[[]event](t, name, raw)
		var b bytes.Buffer
		e, err := NewEvents(&b, events[0].Wall)
		for _, v := range events {
			if err == nil {
				err = e.Scalar(v.Wall, v.Step, v.Tag, float32(v.Value))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		golden.Equal(t, name, b.Bytes(), golden.Bytes(t, dir+"/"+name))
	}
}
