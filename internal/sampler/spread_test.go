package sampler

import (
	"math"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

// Quantiles of beta distributions that have a closed form.
func TestBetaQuantile(t *testing.T) {
	for _, p := range []float64{1e-9, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999} {
		arcsine := math.Pow(math.Sin(math.Pi*p/2), 2)
		golden.Close(t, "arcsine", []float64{betaQuantile(p, 0.5, 0.5)}, []float64{arcsine}, golden.Tol{Rel: 1e-12, From: "float64"})
		golden.Close(t, "power", []float64{betaQuantile(p, 5, 1)}, []float64{math.Pow(p, 0.2)}, golden.Tol{Rel: 1e-12, From: "float64"})
	}
	// The distribution function gives back what it was asked for, far into the tails.
	for _, p := range []float64{1e-150, 1e-12, 1e-5, 0.01, 0.3, 0.5, 0.7, 0.99} {
		golden.Close(t, "I(x)", []float64{betaCDF(betaQuantile(p, 0.6, 0.6), 0.6, 0.6)}, []float64{p}, golden.Tol{Rel: 1e-12, From: "float64"})
	}
	if x := []float64{betaQuantile(0, 0.6, 0.6), betaQuantile(1, 0.6, 0.6), betaQuantile(math.NaN(), 1, 1)}; x[0] != 0 || x[1] != 1 || x[2] != 0 {
		t.Errorf("quantiles of 0, 1 and NaN: %v", x)
	}
}

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		q, want float64
	}{{0, 1}, {0.5, 2.5}, {0.9, 3.7}, {1, 4}} {
		if have := quantile([]float64{4, 1, 3, 2}, c.q); math.Abs(have-c.want) > 1e-12 {
			t.Errorf("quantile %v: %v, want %v", c.q, have, c.want)
		}
	}
}

func TestSolve(t *testing.T) {
	// A zero on the diagonal needs another row.
	x := solve([][]float64{{0, 2, 1}, {1, -2, -3}, {-1, 1, 2}}, []float64{-8, 0, 3})
	golden.Close(t, "x", x, []float64{-4, -5, 2}, golden.Tol{Abs: 1e-12, From: "float64"})
}
