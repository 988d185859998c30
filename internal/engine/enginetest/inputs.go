package enginetest

import (
	"math"
	"math/rand/v2"

	"github.com/easel-go/easel/internal/engine"
)

// Inputs makes inputs for op that make sense for it: probabilities that sum to 1, ids
// below Vocab, cosines that belong to their sines. Every value is one of the
// operand's dtype.
func Inputs(op engine.Op, rng *rand.Rand) [][]float64 {
	operands, _ := Operands(op)
	in := make([][]float64, len(operands))
	for i, o := range operands {
		in[i] = make([]float64, o.Len)
		fill(op, o, in[i], rng)
	}
	switch op := op.(type) {
	case engine.SoftmaxGrad:
		in[0] = rounded(softmax(engine.Softmax(op), in[0]))
	case engine.AttentionGrad:
		fwd := op.Attention
		fwd.LSE = true
		for i, v := range attention(fwd, in) {
			in[len(in)-3+i] = rounded(v)
		}
	case engine.AdamW:
		copy(in[4], rounded([]float64{0.05, 0.9, 0.999, 1e-8, 0.1, 1 - math.Pow(0.9, 7), math.Sqrt(1 - math.Pow(0.999, 7)), 0.5}))
	}
	return in
}

func rounded(v []float64) []float64 {
	return each(v, func(i int) float64 { return float64(float32(v[i])) })
}

// fill draws an operand's numbers.
func fill(op engine.Op, o Operand, v []float64, rng *rand.Rand) {
	for i := range v {
		x := rng.NormFloat64()
		switch {
		case o.Name == "ids":
			x = float64(rng.IntN(vocab(op)))
		case o.Name == "v" && isAdamW(op):
			x *= x
		case o.Name == "gamma":
			x = 1 + x/4
		case o.Name == "x" && isNorm(op):
			x = 2*x + 3 // a mean that must not cost digits
		case (o.Name == "keyBias" || o.Name == "mask") && rng.IntN(4) == 0:
			x = math.Inf(-1)
		case o.Name == "table" && isRope(op):
			x = math.Cos(float64(i/2) + float64(i%2)*math.Pi/2)
		}
		v[i] = stored(o, x)
	}
}

// stored rounds x to the operand's dtype.
func stored(o Operand, x float64) float64 {
	switch o.Dtype {
	case engine.Float16:
		return fromF16(toF16(float64(float32(x))))
	case engine.Bfloat16:
		return roundBF16(float64(float32(x)))
	case engine.Int32:
		return x
	}
	return float64(float32(x))
}

func vocab(op engine.Op) int {
	switch op := op.(type) {
	case engine.Embed:
		return op.Vocab
	case engine.EmbedGrad:
		return op.Vocab
	}
	return 1
}

func isAdamW(op engine.Op) bool { _, ok := op.(engine.AdamW); return ok }
func isRope(op engine.Op) bool  { _, ok := op.(engine.Rope); return ok }

func isNorm(op engine.Op) bool {
	switch op.(type) {
	case engine.GroupNorm, engine.GroupNormGrad, engine.LayerNorm, engine.LayerNormGrad:
		return true
	}
	return false
}
