package train

import "github.com/easel-go/easel/internal/rng"

// Pick chooses one of n samples for place index of an epoch, as the data set of
// DiffSynth-Studio's trainer does: (draw + index) mod n, which is any of them.
func Pick(g *rng.Torch, index, n int) (sample, draw int, err error) {
	var v [1]int64
	if err := g.Ints(v[:], 0, int64(n)); err != nil {
		return 0, 0, err
	}
	return (int(v[0]) + index) % n, int(v[0]), nil
}

// TimeIDs are the six numbers that tell SDXL and Kolors the size and crop of a picture:
// as trainers have it, a picture that was never larger.
func TimeIDs(height, width int) []float64 {
	h, w := float64(height), float64(width)
	return []float64{h, w, 0, 0, h, w}
}
