package rng

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

// tolerance is what decisions allow for normals whose hash differs.
var tolerance = golden.Tol{Abs: 2e-6, Rel: 2e-6, From: "logarithm, sine and cosine of another library"}

// call is one draw and what it gave.
type call struct {
	Op     string  `json:"op"`
	Shape  []int   `json:"shape"`
	Dtype  string  `json:"dtype"`
	Lo     wideInt `json:"lo"`
	Hi     wideInt `json:"hi"`
	N      int     `json:"n"`
	Result outcome `json:"result"`
}

// wideInt is an integer up to 2⁶³, beyond int64 by one.
type wideInt = json.Number

type outcome struct {
	Shape  []int             `json:"shape"`
	Dtype  string            `json:"dtype"`
	Values []json.RawMessage `json:"values"`
	First  []json.RawMessage `json:"first"`
	Last   []json.RawMessage `json:"last"`
	Sum    *float64          `json:"sum"`
	SumAbs *float64          `json:"sum_abs"`
	SHA256 string            `json:"sha256"`
}

type stream struct {
	Seed        string `json:"seed"`
	InitialSeed string `json:"initial_seed"`
	Calls       []call `json:"calls"`
}

func TestGoldenRNG(t *testing.T) {
	path := golden.Part(t, "rng") + "/rng.json"
	table := golden.JSON[map[string]json.RawMessage](t, path)
	equal := map[string][2]int{} // dtype → draws with the reference's hash, draws
	for _, name := range golden.Keys(table) {
		if name == "meta" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			kinds := golden.Decode[[]map[string]json.RawMessage](t, name, table[name])
			for _, kind := range kinds {
				row, _ := json.Marshal(kind)
				switch {
				case kind["calls"] != nil:
					checkStream(t, golden.Decode[stream](t, name, row), equal)
				case kind["epochs"] != nil:
					checkEpochs(t, row)
				case kind["next_randn3"] != nil:
					checkNumPy(t, row)
				case kind["u32"] != nil:
					checkWords(t, row)
				default:
					t.Errorf("a case of an unknown kind: %.100s", row)
				}
			}
		})
	}
	for _, d := range golden.Keys(equal) {
		t.Logf("%s: %d of %d draws have the reference's hash", d, equal[d][0], equal[d][1])
	}
}

func checkStream(t *testing.T, s stream, equal map[string][2]int) {
	g := NewTorch(parseSeed(t, s.Seed))
	if have := strconv.FormatUint(g.InitialSeed(), 10); have != s.InitialSeed {
		t.Errorf("seed %s: initial seed %s, want %s", s.Seed, have, s.InitialSeed)
	}
	for i, c := range s.Calls {
		where := fmt.Sprintf("seed %s call %d %s %v %s", s.Seed, i, c.Op, c.Shape, c.Dtype)
		have := draw(t, g, c)
		checkOutcome(t, where, have, c)
		n := equal[c.Result.Dtype]
		n[1]++
		if hash(have, c.Result.Dtype) == c.Result.SHA256 {
			n[0]++
		} else if c.Op != "randn" && c.Op != "normal_noncontiguous" || c.Result.Dtype == "float32" {
			t.Errorf("%s: not the reference's bytes", where)
		}
		equal[c.Result.Dtype] = n
	}
}

// parseSeed reads a seed of either sign and up to 64 bits.
func parseSeed(t *testing.T, s string) int64 {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return int64(n)
}

// draw makes the draw of c. Integers are returned as int64, floats as float64.
func draw(t *testing.T, g *Torch, c call) any {
	n := 1
	for _, d := range c.Shape {
		n *= d
	}
	p, known := map[string]Precision{"": F32, "float32": F32, "float16": F16, "bfloat16": BF16}[c.Dtype]
	f32, f64, ints := make([]float32, n), make([]float64, n), make([]int64, n)
	switch {
	case c.Op == "randn" && c.Dtype == "float64":
		g.Normal64(f64)
	case c.Op == "randn" && known:
		g.Normal(f32, p)
		widen(f64, f32)
	case c.Op == "rand" && c.Dtype == "float64":
		g.Uniform64(f64)
	case c.Op == "rand" && known:
		g.Uniform(f32, p)
		widen(f64, f32)
	case c.Op == "normal_noncontiguous":
		drawTransposed(g, f64, c)
	case c.Op == "randint":
		if err := g.Ints(ints, number(t, c.Lo), number(t, c.Hi)); err != nil {
			t.Fatal(err)
		}
		return ints
	case c.Op == "randperm":
		ints = ints[:0]
		for _, i := range g.Perm(c.N) {
			ints = append(ints, int64(i))
		}
		return ints
	case c.Op == "random_":
		for i := range ints {
			ints[i] = g.Int63()
		}
		return ints
	default:
		t.Fatalf("a call of an unknown kind: %+v", c)
	}
	return f64
}

// drawTransposed fills in the order of memory, which is the transposed one.
func drawTransposed(g *Torch, dst []float64, c call) {
	rows, cols := c.Shape[0], c.Shape[1]
	for j := range cols {
		for i := range rows {
			x := g.NextNormal()
			if c.Dtype == "float32" {
				x = float64(float32(x))
			}
			dst[i*cols+j] = x
		}
	}
}

func widen(dst []float64, src []float32) {
	for i, x := range src {
		dst[i] = float64(x)
	}
}

func number(t *testing.T, s wideInt) int64 {
	n, err := s.Int64()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func checkOutcome(t *testing.T, where string, have any, c call) {
	want := c.Result
	if ints, ok := have.([]int64); ok {
		checkPieces(t, where, ints, want, func(raw json.RawMessage) int64 { return golden.Decode[int64](t, where, raw) },
			func(a, b []int64) { golden.Equal(t, where, a, b) })
		return
	}
	f := have.([]float64)
	value := func(raw json.RawMessage) float64 { return float(t, where, raw, want.Dtype) }
	checkPieces(t, where, f, want, value, func(a, b []float64) {
		if c.Op == "rand" {
			golden.Equal(t, where, a, b)
		} else {
			golden.Close(t, where, a, b, tolerance)
		}
	})
	if want.Sum == nil {
		return
	}
	sum, sumAbs := 0.0, 0.0
	for _, x := range f {
		sum, sumAbs = sum+x, sumAbs+math.Abs(x)
	}
	tol := golden.Tol{Abs: 2e-6 * float64(len(f)), From: "2e-6 a value"}
	golden.Close(t, where+" sums", []float64{sum, sumAbs}, []float64{*want.Sum, *want.SumAbs}, tol)
}

// checkPieces compares all values, or the first and last of many.
func checkPieces[E any](t *testing.T, where string, have []E, want outcome, parse func(json.RawMessage) E, check func(a, b []E)) {
	n := 1
	for _, d := range want.Shape {
		n *= d
	}
	if len(have) != n {
		t.Errorf("%s: %d values, want %d", where, len(have), n)
		return
	}
	list := func(raw []json.RawMessage) (v []E) {
		for _, r := range raw {
			v = append(v, parse(r))
		}
		return v
	}
	if want.Values != nil {
		check(have, list(want.Values))
		return
	}
	check(have[:len(want.First)], list(want.First))
	check(have[n-len(want.Last):], list(want.Last))
}

// float reads a number, or the hex bits of a 16-bit one.
func float(t *testing.T, where string, raw json.RawMessage, dtype string) float64 {
	switch dtype {
	case "float16", "bfloat16":
	default:
		return golden.Decode[float64](t, where, raw)
	}
	bits, err := strconv.ParseUint(golden.Decode[string](t, where, raw), 16, 16)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	if dtype == "bfloat16" {
		return float64(math.Float32frombits(uint32(bits) << 16))
	}
	return golden.Tensor{Dtype: "F16", Data: binary.LittleEndian.AppendUint16(nil, uint16(bits))}.Float64s()[0]
}

// hash returns the SHA-256 of the tensor's bytes.
func hash(have any, dtype string) string {
	var b bytes.Buffer
	put := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
	f, _ := have.([]float64)
	switch dtype {
	case "float32":
		for _, x := range f {
			put(float32(x))
		}
	case "float16":
		for _, x := range f {
			put(bitsF16(x))
		}
	case "bfloat16":
		for _, x := range f {
			put(uint16(math.Float32bits(float32(x)) >> 16))
		}
	default:
		put(have)
	}
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])
}

// bitsF16 returns the bits of a value that a binary16 holds.
func bitsF16(x float64) uint16 {
	sign := uint16(math.Float64bits(x) >> 48 & 0x8000)
	x = math.Abs(x)
	if x < 0x1p-14 {
		return sign | uint16(x*0x1p24)
	}
	frac, exp := math.Frexp(x)
	return sign | uint16(exp+14)<<10 | uint16((2*frac-1)*1024)
}

func checkEpochs(t *testing.T, row []byte) {
	c := golden.Decode[struct {
		Seed   int64   `json:"seed"`
		N      int     `json:"n"`
		Epochs [][]int `json:"epochs"`
		Next   []int64 `json:"next_randint_1100"`
	}](t, "epochs", row)
	g := NewTorch(c.Seed)
	for i, want := range c.Epochs {
		golden.Equal(t, fmt.Sprintf("seed %d epoch %d", c.Seed, i), g.EpochOrder(c.N), want)
	}
	next := make([]int64, len(c.Next))
	if err := g.Ints(next, 0, 1100); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, fmt.Sprintf("seed %d after the epochs", c.Seed), next, c.Next)
}

func checkNumPy(t *testing.T, row []byte) {
	c := golden.Decode[struct {
		Seed   uint32    `json:"seed"`
		First  []float64 `json:"first"`
		Last   []float64 `json:"last"`
		SHA256 string    `json:"sha256"`
		Next   []float64 `json:"next_randn3"`
	}](t, "numpy", row)
	g, x := NewNumPy(c.Seed), make([]float64, 1*4*64*64)
	g.Normal(x)
	next := make([]float64, len(c.Next))
	g.Normal(next)
	have := slices.Concat(x[:len(c.First)], x[len(x)-len(c.Last):], next)
	golden.Close(t, fmt.Sprintf("numpy seed %d", c.Seed), have, slices.Concat(c.First, c.Last, c.Next),
		golden.Tol{Rel: 1e-15, From: "the last bit of the logarithm"})
	t.Logf("numpy seed %d: same bytes %v", c.Seed, hash(x, "float64") == c.SHA256)
}

func checkWords(t *testing.T, row []byte) {
	c := golden.Decode[struct {
		Seed uint32   `json:"seed"`
		U32  []uint32 `json:"u32"`
	}](t, "words", row)
	torch, numpy := NewTorch(int64(c.Seed)), NewNumPy(c.Seed)
	for i, want := range c.U32 {
		if a, b := torch.Uint32(), numpy.Uint32(); a != want || b != want {
			t.Errorf("seed %d word %d: torch %d, numpy %d, want %d", c.Seed, i, a, b, want)
		}
	}
}
