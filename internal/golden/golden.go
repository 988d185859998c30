// Package golden compares results with what a reference implementation computed.
//
// The cases lie in testdata, a tree of folders that each say, in a README, which
// program made them and how. EASEL_GOLDENS=dir puts another tree of the same form
// in its place. Tests discover their cases from the folder and name none:
//
//	dir := golden.Part(t, "rng")                  // skips only a part that another tree lacks whole
//	cases := golden.JSON[table](t, dir+"/rng.json") // an unknown field is a failure
//	golden.Close(t, "randn", have, want, golden.Tol{Abs: 2e-6, From: "float32 polynomials"})
//
// Tests that use it are named TestGolden…. The package imports nothing of the
// module, so that every package's tests can use it.
package golden

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// Env is the variable that names another tree of cases.
const Env = "EASEL_GOLDENS"

// builtin returns the folder of the cases that come with the module.
func builtin() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "testdata")
}

// Root returns the folder of the tree in use. A test is skipped where there is
// none: in the module cache, which carries no cases.
func Root(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv(Env); dir != "" {
		if _, err := os.Stat(dir); err != nil {
			t.Fatalf("golden: %s: %v", Env, err)
		}
		return dir
	}
	dir := builtin()
	if _, err := os.Stat(dir); err != nil {
		t.Skip("golden: the reference cases are part of a checkout only, not of the module's download")
	}
	return dir
}

// Part returns the path of a part of the tree: a folder or file with its own
// cases, such as "sampler" or "lora/index.json". A part that another tree
// (EASEL_GOLDENS) lacks is a named skip; one that the built-in tree lacks is a
// failure.
func Part(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(Root(t), filepath.FromSlash(name))
	_, err := os.Stat(path)
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist) && os.Getenv(Env) != "":
		t.Skipf("golden: %s lacks the part %s", os.Getenv(Env), name)
	default:
		t.Fatalf("golden: %v", err)
	}
	return path
}

// Data returns the path of a file of the reference data that is no case: real
// vocabularies and heads, in testdata/data whatever the tree of cases.
func Data(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(builtin(), "data", filepath.FromSlash(name))
	if _, err := os.Stat(filepath.Dir(filepath.Dir(path))); err != nil {
		t.Skip("golden: the reference data are part of a checkout only, not of the module's download")
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("golden: %v", err)
	}
	return path
}

// Glob returns the paths that match pattern below dir, sorted. None is a failure.
func Glob(t testing.TB, dir, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("no %s in %s", pattern, dir)
	}
	if err != nil {
		t.Fatalf("golden: %v", err)
	}
	return paths
}

// Bytes reads a file.
func Bytes(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("golden: %v", err)
	}
	return b
}

// JSON reads a file into a T. A field that T does not have is a failure, so that
// no case says something the test does not check.
func JSON[T any](t testing.TB, path string) T {
	t.Helper()
	v, err := decode[T](Bytes(t, path))
	if err != nil {
		t.Fatalf("golden: %s: %v", path, err)
	}
	return v
}

// Decode is JSON for bytes: a raw member of a file whose form depends on its
// neighbours.
func Decode[T any](t testing.TB, what string, b []byte) T {
	t.Helper()
	v, err := decode[T](b)
	if err != nil {
		t.Fatalf("golden: %s: %v", what, err)
	}
	return v
}

func decode[T any](b []byte) (v T, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err = d.Decode(&v); err != nil {
		return v, err
	}
	if _, err := d.Token(); err != io.EOF {
		return v, errors.New("text after the value")
	}
	return v, nil
}

// Tol is how far a value may be from the reference's, and why: |have−want| ≤ Abs +
// Rel·|want|.
type Tol struct {
	Abs, Rel float64
	From     string // where the bound comes from: "10 × the case's float32 error"
}

// Number is a value that Close compares.
type Number interface {
	~float32 | ~float64 | ~int | ~int32 | ~int64 | ~uint8 | ~uint16
}

// Close checks have against want element by element and reports the one that is
// furthest beyond tol. NaN equals only NaN, an infinity only itself. It returns the
// largest difference, for tests that report what was measured.
func Close[H, W Number](t testing.TB, what string, have []H, want []W, tol Tol) float64 {
	t.Helper()
	if len(have) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(have), len(want))
		return math.Inf(1)
	}
	largest, worst, at := 0.0, 0.0, -1
	for i := range want {
		h, w := float64(have[i]), float64(want[i])
		if h == w || math.IsNaN(h) && math.IsNaN(w) {
			continue
		}
		d := math.Abs(h - w)
		if math.IsNaN(d) || math.IsInf(d, 0) {
			d = math.Inf(1)
		}
		largest = max(largest, d)
		if over := d - tol.Abs - tol.Rel*math.Abs(w); over > worst || math.IsInf(d, 0) {
			worst, at = over, i
		}
	}
	if at >= 0 {
		h, w := float64(have[at]), float64(want[at])
		t.Errorf("%s[%d] = %.9g, want %.9g: off by %.3g, allowed %.3g (%s); largest difference of %d values %.3g",
			what, at, h, w, math.Abs(h-w), tol.Abs+tol.Rel*math.Abs(w), tol.From, len(want), largest)
	}
	return largest
}

// Equal checks that have and want are the same, element by element.
func Equal[E comparable](t testing.TB, what string, have, want []E) {
	t.Helper()
	n := min(len(have), len(want))
	for i := range n {
		if have[i] != want[i] {
			t.Errorf("%s[%d] = %v, want %v (%d values, want %d)", what, i, have[i], want[i], len(have), len(want))
			return
		}
	}
	if len(have) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(have), len(want))
	}
}

// Keys returns the keys of m, sorted.
func Keys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
