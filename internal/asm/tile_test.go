package asm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// atLevel runs f on every level that this processor has.
func atLevel(t *testing.T, f func(t *testing.T)) {
	was := level
	defer func() { level = was }()
	for l := PureGo; l <= was; l++ {
		level = l
		t.Run(l.String(), f)
	}
}

func randoms(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func ptr[T any](s []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }

const guard = 12345.5

// TestTile holds every size of tile to a float64 sum, within the rounding of Σ over
// K terms: (K+4)·ε·Σ|terms|, and looks for writes outside it.
func TestTile(t *testing.T) {
	atLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, k := range []int{1, 2, 3, 4, 5, 7, 8, 31, 64, 300} {
			for m := 1; m <= SpacedRows(); m++ {
				segs := 1 + k%3
				if m > MaxRows {
					segs = 1
				}
				for n := 1; n <= 3*Columns(); n += 1 + k%7 {
					checkTile(t, r, m, n, k, segs)
				}
			}
		}
	})
}

func checkTile(t *testing.T, r *rand.Rand, m, n, k, segs int) {
	t.Helper()
	w := Columns()
	height, off, ldA := max(m, 8), r.IntN(5), k+8
	rows, all := make([][]float32, segs*height), randoms(r, segs*height*ldA)
	table := make([]unsafe.Pointer, segs*height)
	for i := range table {
		rows[i] = all[i*ldA:][:k+off]
		table[i] = ptr(rows[i])
	}
	wide := (n + w - 1) / w * w
	b := randoms(r, segs*k*wide)
	ld := wide + 3
	c := make([]float32, m*ld+8)
	for i := range c {
		c[i] = guard
	}
	add, res, bias, item := randoms(r, m*ld), randoms(r, m*ld), randoms(r, wide), randoms(r, wide)
	tile := &Tile{Rows: ptr(table), Segs: segs, K: k, Off: 4 * off, B: ptr(b), C: ptr(c), LdC: 4 * ld, M: m, N: n}
	if m > MaxRows {
		tile.Rows, tile.LdA = table[0], 4*ldA
	}
	with := r.IntN(16)
	if with&1 != 0 {
		tile.Add, tile.LdAdd = ptr(add), 4*ld
	}
	if with&2 != 0 {
		tile.Res, tile.LdRes = ptr(res), 4*ld
	}
	if with&4 != 0 {
		tile.Bias = ptr(bias)
	}
	if with&8 != 0 {
		tile.Item = ptr(item)
	}
	tile.Run()
	for i := range m {
		for j := range ld {
			have, want, size := float64(c[i*ld+j]), 0.0, 0.0
			term := func(x float64) { want += x; size += math.Abs(x) }
			if j >= n {
				if have != guard {
					t.Fatalf("%dx%d k=%d: wrote [%d][%d]", m, n, k, i, j)
				}
				continue
			}
			for s := range segs {
				for q := range k {
					term(float64(rows[s*height+i][off+q]) * float64(b[(j/w*segs*k+s*k+q)*w+j%w]))
				}
			}
			for bit, v := range []float32{add[i*ld+j], res[i*ld+j], bias[j], item[j]} {
				if with>>bit&1 != 0 {
					term(float64(v))
				}
			}
			if math.Abs(have-want) > float64(segs*k+4)*0x1p-24*size {
				t.Fatalf("%dx%d k=%d segs=%d with=%b [%d][%d]: have %v, want %v", m, n, k, segs, with, i, j, have, want)
			}
		}
	}
	for i, v := range c[m*ld:] {
		if v != guard {
			t.Fatalf("%dx%d: wrote %d past the end", m, n, i)
		}
	}
}

// TestTileRowsAlike: the bits of a row do not depend on how many rows a tile has.
func TestTileRowsAlike(t *testing.T) {
	atLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		const k = 77
		w := Columns()
		a, b := randoms(r, k), randoms(r, k*w)
		var table [8]unsafe.Pointer
		for i := range table {
			table[i] = ptr(a)
		}
		want := make([]float32, w)
		(&Tile{Rows: ptr(table[:]), Segs: 1, K: k, B: ptr(b), C: ptr(want), M: 1, N: w}).Run()
		for m := 1; m <= SpacedRows(); m++ {
			c, rows := make([]float32, m*w), ptr(table[:])
			if m > MaxRows {
				rows = table[0]
			}
			(&Tile{Rows: rows, Segs: 1, K: k, B: ptr(b), C: ptr(c), LdC: 4 * w, M: m, N: w}).Run()
			for i, v := range c {
				if v != want[i%w] {
					t.Fatalf("%d rows, row %d column %d: %v, alone %v", m, i/w, i%w, v, want[i%w])
				}
			}
		}
	})
}

func TestTileBF16(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for m := 1; m <= 8; m++ {
		const k = 41 // pairs
		a, b := make([]uint16, 8*2*k), make([]uint16, k*32*2)
		for i := range a {
			a[i] = RoundBF16(float32(r.NormFloat64()))
		}
		for i := range b {
			b[i] = RoundBF16(float32(r.NormFloat64()))
		}
		var table [8]unsafe.Pointer
		for i := range table {
			table[i] = ptr(a[i*2*k:])
		}
		c := make([]float32, m*32)
		(&Tile{Rows: ptr(table[:]), Segs: 1, K: k, B: ptr(b), C: ptr(c), LdC: 128, M: m, N: 32}).RunBF16()
		for i, v := range c {
			want, size := 0.0, 0.0
			for q := range 2 * k {
				x := float64(BF16.load(ptr(a), i/32*2*k+q)) * float64(BF16.load(ptr(b), (q/2*32+i%32)*2+q%2))
				want, size = want+x, size+math.Abs(x)
			}
			if math.Abs(float64(v)-want) > 2*k*0x1p-23*size {
				t.Fatalf("%d rows [%d]: have %v, want %v", m, i, v, want)
			}
		}
	}
}

func TestPanel(t *testing.T) {
	atLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		w := Columns()
		for _, kind := range []Kind{F32, F16, BF16} {
			for _, k := range []int{1, 5, 15, 16, 17, 32, 48, 100} {
				for _, n := range []int{1, 3, 15, 16, 17, 31, 32} {
					if n <= w {
						checkPanel(t, r, kind, n, k)
						checkPanelRows(t, r, kind, n, k)
					}
				}
			}
		}
	})
}

// stored returns n numbers of a kind: any bits, so that infinities, NaN and
// subnormals come.
func stored(r *rand.Rand, kind Kind, n int) []byte {
	b := make([]byte, n*kind.Size())
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func sameBits(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

func checkPanel(t *testing.T, r *rand.Rand, kind Kind, n, k int) {
	t.Helper()
	w, ld := Columns(), k+3
	src := stored(r, kind, n*ld)
	for _, at := range [][]int32{nil, shuffled(r, k, 4*w)} {
		dst := make([]float32, k*w+1)
		dst[k*w] = guard
		Panel(ptr(dst), at, kind, ptr(src), ld*kind.Size(), n, k)
		for q := range k {
			row := q
			if at != nil {
				row = int(at[q]) / (4 * w)
			}
			for j := range w {
				want := float32(0)
				if j < n {
					want = kind.load(ptr(src), j*ld+q)
				}
				if have := dst[row*w+j]; !sameBits(have, want) {
					t.Fatalf("kind %d n=%d k=%d [%d][%d]: have %v, want %v", kind, n, k, q, j, have, want)
				}
			}
		}
		if dst[k*w] != guard {
			t.Fatal("wrote past the panel")
		}
	}
}

func shuffled(r *rand.Rand, n, step int) []int32 {
	at := make([]int32, n)
	for i, p := range r.Perm(n) {
		at[i] = int32(p * step)
	}
	return at
}

func checkPanelRows(t *testing.T, r *rand.Rand, kind Kind, n, k int) {
	t.Helper()
	w, ld := Columns(), n+3
	src := stored(r, kind, k*ld)
	dst := make([]float32, k*w+1)
	dst[k*w] = guard
	PanelRows(ptr(dst), kind, ptr(src), ld*kind.Size(), n, k)
	for i, have := range dst[:k*w] {
		want := float32(0)
		if i%w < n {
			want = kind.load(ptr(src), i/w*ld+i%w)
		}
		if !sameBits(have, want) {
			t.Fatalf("kind %d n=%d k=%d [%d]: have %v, want %v", kind, n, k, i, have, want)
		}
	}
	if dst[k*w] != guard {
		t.Fatal("wrote past the panel")
	}
}

func BenchmarkPanel(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 9))
	for _, kind := range []Kind{F32, F16, BF16} {
		b.Run(fmt.Sprint(kind), func(b *testing.B) {
			const k = 1280
			src, dst := stored(r, kind, k*Columns()), make([]float32, k*Columns())
			for b.Loop() {
				Panel(ptr(dst), nil, kind, ptr(src), k*kind.Size(), Columns(), k)
			}
			b.ReportMetric(float64(k*Columns())*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gnumbers/s")
		})
	}
}
