package filter

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

// TestGoldenFloats holds the trip through the statistics column to datasets' own: how a
// number is written, and what is read back.
func TestGoldenFloats(t *testing.T) {
	b := golden.Bytes(t, golden.Part(t, "datajuicer/json")+"/stats_floats.json")
	b = bytes.ReplaceAll(b, []byte("Infinity"), []byte("null")) // what Python's json writes, and JSON has not
	for _, row := range golden.Decode[[][3]json.RawMessage](t, "floats", b) {
		x := golden.Decode[float64](t, "value", row[0])
		text := golden.Decode[string](t, "text", row[1])
		back := math.Inf(1)
		if string(row[2]) != "null" {
			back = golden.Decode[float64](t, "back", row[2])
		}
		if have := string(appendPandasFloat(nil, x)); have != text {
			t.Errorf("%v is written %s, want %s", x, have, text)
		}
		if have := roundTrip(x); have != any(back) {
			t.Errorf("%v comes back as %v, want %v", x, have, back)
		}
	}
}

// TestRoundTripAgain checks what a resumed run and statistics in the data rely on:
// a number that made the trip once hardly changes by another.
func TestRoundTripAgain(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		x := r.Float64() * math.Pow(10, float64(r.IntN(12)-4))
		y := roundTrip(x).(float64)
		z := roundTrip(y).(float64)
		if math.Abs(y-z) > 1e-10+1e-15*math.Abs(y) {
			t.Fatalf("%v, then %v, then %v", x, y, z)
		}
	}
}

func TestRoundTripOdd(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if v := roundTrip(x); v != nil {
			t.Errorf("%v comes back as %v, want null", x, v)
		}
	}
}
