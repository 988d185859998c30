package filter

import (
	"math"
	"strconv"
	"strings"
)

// tenths are the constants that the reader multiplies the digits behind the point by.
var tenths = [...]float64{1, 0.1, 0.01, 0.001, 0.0001, 0.00001, 0.000001, 0.0000001, 0.00000001, 0.000000001, 0.0000000001}

// roundTrip returns x after it was written with ten decimals and read back by the
// JSON code of pandas (ujson), which datasets keeps the statistics column with. The
// reading is not correctly rounded: 0.96875 comes back as 0.9687500000000001. NaN
// and infinities come back as null.
func roundTrip(x float64) any {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	if outside(x) {
		return readBack(pythonG10(x))
	}
	whole, frac := decimals(x)
	digits := 10
	for digits > 1 && frac%10 == 0 {
		frac /= 10
		digits--
	}
	y := float64(whole) + float64(frac)*tenths[digits]
	if x < 0 {
		y = -y
	}
	if y == 0 {
		return 0.0
	}
	return y
}

// readBack reads a number with an exponent: the digits before and behind the point as
// integers, then times a power of ten.
func readBack(s string) float64 {
	mant, exp, _ := strings.Cut(s, "e")
	whole, frac, _ := strings.Cut(strings.TrimPrefix(mant, "-"), ".")
	w, _ := strconv.ParseFloat(whole, 64)
	f, _ := strconv.ParseFloat("0"+frac, 64)
	e, _ := strconv.Atoi(exp)
	y := (w + f*tenths[len(frac)]) * math.Pow(10, float64(e))
	if strings.HasPrefix(mant, "-") {
		y = -y
	}
	return y
}

// outside reports whether x is written as %.10g instead.
func outside(x float64) bool {
	a := math.Abs(x)
	return a > 1e16-1 || a != 0 && a < 1e-15
}

// decimals splits |x| into its whole part and ten decimals, rounded as ujson does:
// up above the half, and at the half if the last digit is odd or nothing is left.
func decimals(x float64) (whole, frac uint64) {
	const pow = 1e10
	x = math.Abs(x)
	whole = uint64(x)
	t := (x - float64(whole)) * pow
	frac = uint64(t)
	switch d := t - float64(frac); {
	case d > 0.5, d == 0.5 && (frac == 0 || frac&1 == 1):
		frac++
	}
	if frac >= pow {
		frac, whole = 0, whole+1
	}
	return whole, frac
}

// appendPandasFloat writes x as pandas' to_json does: ten decimals, trailing zeros
// cut but one; NaN and infinities are null.
func appendPandasFloat(b []byte, x float64) []byte {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return append(b, "null"...)
	}
	if outside(x) {
		return append(b, pythonG10(x)...)
	}
	whole, frac := decimals(x)
	if x < 0 && (whole != 0 || frac != 0) {
		b = append(b, '-')
	}
	b = strconv.AppendUint(b, whole, 10)
	b = append(b, '.')
	digits := strconv.FormatUint(frac+1e10, 10)[1:]
	for len(digits) > 1 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	return append(b, digits...)
}

// pythonG10 is C's %.10g.
func pythonG10(x float64) string {
	s := strconv.FormatFloat(x, 'e', 9, 64)
	mant, exp := s[:len(s)-4], s[len(s)-4:]
	if i := len(s) - 5; s[i] == 'e' { // three digits of exponent
		mant, exp = s[:i], s[i:]
	}
	for mant[len(mant)-1] == '0' {
		mant = mant[:len(mant)-1]
	}
	if mant[len(mant)-1] == '.' {
		mant = mant[:len(mant)-1]
	}
	return mant + exp
}
