package unet

import (
	"math"
	"strconv"

	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
	"github.com/easel-go/easel/internal/nn"
)

func itoa(i int) string { return strconv.Itoa(i) }

// timeMLP turns features of numbers into an embedding (diffusers 0.36
// models/embeddings.py, TimestepEmbedding).
type timeMLP struct {
	Linear1 *nn.Linear `weight:"linear_1"`
	Linear2 *nn.Linear `weight:"linear_2"`
}

func newTimeMLP(in, out int) *timeMLP { return &timeMLP{nn.NewLinear(in, out), nn.NewLinear(out, out)} }

// x [B, in] → [B, out]
func (m *timeMLP) forward(b *graph.Builder, x *graph.Node) *graph.Node {
	return b.Mark(m.Linear2.Forward(b, op.SiLU(b, m.Linear1.Forward(b, x))))
}

// Features returns the sinusoids of numbers, dim for each: cos(n·f) and sin(n·f)
// with f = 10000^(−i/(dim/2 − shift)) (Vaswani et al. 2017; diffusers 0.36
// models/embeddings.py, get_timestep_embedding). Without flip, sines come first. The
// arithmetic is float32's, as the reference's is.
func Features(n []float64, dim int, flip bool, shift float64) []float32 {
	out := make([]float32, len(n)*dim)
	for row, v := range n {
		features(out[row*dim:][:dim], v, flip, shift)
	}
	return out
}

// features fills o with the sinusoids of one number.
func features(o []float32, v float64, flip bool, shift float64) {
	half := len(o) / 2
	for i := range half {
		exponent := float32(-math.Log(10000)) * float32(i) / float32(float64(half)-shift)
		angle := float32(v) * float32(math.Exp(float64(exponent)))
		sin, cos := math.Sincos(float64(angle))
		if flip {
			sin, cos = cos, sin
		}
		o[i], o[half+i] = float32(sin), float32(cos)
	}
}

// TimeFeatures returns the features of timesteps that Inputs.Time takes.
func (u *UNet) TimeFeatures(timesteps []float64) []float32 {
	return Features(timesteps, u.config.BlockOutChannels[0], u.config.FlipSinToCos, u.config.FreqShift)
}

// TimeIDFeatures returns the features of time ids, six a picture, that
// Inputs.TimeIDs takes.
func (u *UNet) TimeIDFeatures(ids []float64) []float32 {
	return Features(ids, u.config.TimeIDDim, u.config.FlipSinToCos, u.config.FreqShift)
}

// FillTime fills dst, which holds a row of features a picture, with those of one
// timestep.
func (u *UNet) FillTime(dst []float32, timestep float64) {
	dim := u.config.BlockOutChannels[0]
	for row := range len(dst) / dim {
		features(dst[row*dim:][:dim], timestep, u.config.FlipSinToCos, u.config.FreqShift)
	}
}
