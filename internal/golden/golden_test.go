package golden

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// failed runs f on a test that is not this one and reports whether it failed.
type recorder struct {
	testing.TB
	log []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.log = append(r.log, format)
}

func TestClose(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		name       string
		have, want []float64
		ok         bool
	}{
		{"equal", []float64{1, nan, inf, -inf}, []float64{1, nan, inf, -inf}, true},
		{"within", []float64{1.005}, []float64{1}, true},
		{"beyond", []float64{1.02}, []float64{1}, false},
		{"nan for a number", []float64{nan}, []float64{1}, false},
		{"number for a nan", []float64{1}, []float64{nan}, false},
		{"other infinity", []float64{inf}, []float64{-inf}, false},
		{"number for infinity", []float64{1}, []float64{inf}, false},
		{"short", []float64{1}, []float64{1, 2}, false},
	} {
		r := &recorder{TB: t}
		Close(r, c.name, c.have, c.want, Tol{Abs: 0.01, From: "this test"})
		if ok := len(r.log) == 0; ok != c.ok {
			t.Errorf("%s: passed %v, want %v", c.name, ok, c.ok)
		}
	}
}

func TestDecodeIsStrict(t *testing.T) {
	type v struct{ A int }
	for text, ok := range map[string]bool{`{"A":1}`: true, `{"A":1,"B":2}`: false, `{"A":1} x`: false} {
		if _, err := decode[v]([]byte(text)); (err == nil) != ok {
			t.Errorf("%s: error %v", text, err)
		}
	}
}

func TestHalf(t *testing.T) {
	for h, want := range map[uint16]float64{0: 0, 1: 0x1p-24, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0400: 0x1p-14} {
		if have := half(h); have != want {
			t.Errorf("half(%#04x) = %v, want %v", h, have, want)
		}
	}
}

func TestBuiltinTree(t *testing.T) {
	t.Setenv(Env, "")
	for _, readme := range Glob(t, Root(t), "*/README.md") {
		if strings.HasPrefix(filepath.Base(filepath.Dir(readme)), ".") {
			t.Errorf("unexpected part %s", readme)
		}
	}
}
