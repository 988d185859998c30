package train

import (
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

// TestCheckpointing takes steps with and without recomputation: every bit is the same,
// and the activations take less memory.
func TestCheckpointing(t *testing.T) {
	c := golden.JSON[curves](t, golden.Part(t, "train/curves.json"))
	data := readBatches(t, golden.Part(t, "train/batches.safetensors"))
	s := kolors(t)
	var slab [2]int64
	var bits [2][]float32
	for i := range 2 {
		x := recipes(t, c)["main"]
		x.checkpointing = i == 1
		tr, _ := x.trainer(t)
		for step := range 3 {
			l, err := tr.Micro(t.Context(), data.at(t, s, step, 1))
			if err != nil {
				t.Fatal(err)
			}
			bits[i] = append(bits[i], float32(l))
			for _, g := range tr.Gradients() {
				bits[i] = append(bits[i], g...)
			}
			if _, err := tr.Update(); err != nil {
				t.Fatal(err)
			}
		}
		slab[i] = tr.Memory()
	}
	golden.Equal(t, "losses and gradients", bits[1], bits[0])
	t.Logf("%d bytes of activations, %d with recomputation", slab[0], slab[1])
	if slab[1] >= slab[0] {
		t.Error("recomputation saves nothing")
	}
}
