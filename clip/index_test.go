package clip

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/fault"
)

func randomVector(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func newIndex(t testing.TB, r *rand.Rand, dim, n int) *Index {
	t.Helper()
	x, err := NewIndex(dim)
	if err != nil {
		t.Fatal(err)
	}
	add(t, x, r, n)
	return x
}

func add(t testing.TB, x *Index, r *rand.Rand, n int) {
	t.Helper()
	for range n {
		if err := x.Add(fmt.Sprintf("v%d", x.Len()), randomVector(r, x.Dim())); err != nil {
			t.Fatal(err)
		}
	}
}

// slowSearch is what Search means: cosines of the vectors as they are stored, sorted.
func slowSearch(x *Index, q Query) (out []Match) {
	unit, err := x.direction(q.Vector)
	if err != nil {
		return nil
	}
	at := 0
	for _, p := range x.parts() {
		for j := range p.n {
			row := make([]float32, 1)
			dots(unit, p.row(j, x.dim), row)
			if id := x.id(at); q.Keep == nil || q.Keep(id) {
				out = append(out, Match{id, at, min(max(row[0], -1), 1)})
			}
			at++
		}
	}
	slices.SortStableFunc(out, func(a, b Match) int {
		switch {
		case a.Cosine > b.Cosine:
			return -1
		case a.Cosine < b.Cosine:
			return 1
		}
		return 0
	})
	return out[:min(q.N, len(out))]
}

func TestIndexSearch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, dim := range []int{1, 7, 32, 100, 512} {
		x := newIndex(t, r, dim, 3000)
		path := filepath.Join(t.TempDir(), "a.index")
		if err := x.Save(path); err != nil {
			t.Fatal(err)
		}
		add(t, x, r, 2000) // some in the file, some in memory
		for _, q := range []Query{
			{N: 1}, {N: 10}, {N: 7, Threads: 3}, {N: 6000}, {N: 10, Keep: func(id string) bool { return strings.HasSuffix(id, "7") }},
			{N: 5, Keep: func(string) bool { return false }},
		} {
			q.Vector = randomVector(r, dim)
			have, err := x.Search(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if want := slowSearch(x, q); !slices.Equal(have, want) {
				t.Errorf("dim %d, N %d: %v, want %v", dim, q.N, have[:min(3, len(have))], want[:min(3, len(want))])
			}
		}
		x.Close()
	}
}

// TestIndexCosines holds the products to float64 arithmetic.
func TestIndexCosines(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	x := newIndex(t, r, 515, 100)
	q := randomVector(r, 515)
	have, err := x.Search(t.Context(), Query{Vector: q, N: 100})
	if err != nil {
		t.Fatal(err)
	}
	unit, _ := x.direction(q)
	for _, m := range have {
		var want float64
		for i, h := range x.fresh[m.Index*x.dim:][:x.dim] {
			want += float64(unit[i]) * float64(asm.Float16(h))
		}
		if d := float64(m.Cosine) - want; d > 1e-6 || d < -1e-6 {
			t.Errorf("%s: cosine %g, want %g", m.ID, m.Cosine, want)
		}
	}
}

func TestIndexFile(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	dir := t.TempDir()
	x := newIndex(t, r, 33, 100)
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	q := Query{Vector: randomVector(r, 33), N: 5}
	want, err := x.Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{a, a, b} { // new, over itself, elsewhere
		if err := x.Save(path); err != nil {
			t.Fatal(err)
		}
		y, err := OpenIndex(path)
		if err != nil {
			t.Fatal(err)
		}
		have, err := y.Search(t.Context(), q)
		if err != nil || !slices.Equal(have, want) {
			t.Errorf("%s: %v, %v, want %v", path, have, err, want)
		}
		if y.Len() != 100 || y.Dim() != 33 || y.ID(99) != "v99" || y.ID(100) != "" || y.ID(-1) != "" {
			t.Errorf("%s: %d vectors of %d, last %q", path, y.Len(), y.Dim(), y.ID(99))
		}
		y.Close()
	}
	if names, _ := os.ReadDir(dir); len(names) != 2 {
		t.Errorf("%d files, want 2", len(names))
	}
	if err := x.Save(filepath.Join(dir, "no", "folder")); err == nil {
		t.Error("saved into a folder that is not there")
	}
	if have, err := x.Search(t.Context(), q); err != nil || !slices.Equal(have, want) {
		t.Errorf("after a failed save: %v, %v", have, err)
	}
}

func TestIndexErrors(t *testing.T) {
	for _, dim := range []int{0, -1, 1 << 20} {
		if _, err := NewIndex(dim); !errors.Is(err, Invalid) {
			t.Errorf("dimension %d: %v", dim, err)
		}
	}
	x := newIndex(t, rand.New(rand.NewPCG(7, 8)), 4, 3)
	nan := float32(0)
	nan /= nan
	for _, c := range []struct {
		v    []float32
		kind Kind
	}{{nil, Shape}, {make([]float32, 5), Shape}, {make([]float32, 4), NotFinite}, {[]float32{1, nan, 0, 0}, NotFinite}} {
		if err := x.Add("x", c.v); !errors.Is(err, c.kind) {
			t.Errorf("Add(%v): %v, want %v", c.v, err, c.kind)
		}
		if _, err := x.Search(t.Context(), Query{Vector: c.v}); !errors.Is(err, c.kind) {
			t.Errorf("Search(%v): %v, want %v", c.v, err, c.kind)
		}
	}
	v := []float32{1, 0, 0, 0}
	if _, err := x.Search(t.Context(), Query{Vector: v, N: -1}); !errors.Is(err, Invalid) {
		t.Errorf("N of -1: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Search(ctx, Query{Vector: v}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	x.Close()
	x.Close()
	if err := x.Add("x", v); !errors.Is(err, Closed) {
		t.Errorf("Add after Close: %v", err)
	}
	if _, err := x.Search(t.Context(), Query{Vector: v}); !errors.Is(err, Closed) {
		t.Errorf("Search after Close: %v", err)
	}
	if err := x.Save(filepath.Join(t.TempDir(), "x")); !errors.Is(err, Closed) {
		t.Errorf("Save after Close: %v", err)
	}
}

// FuzzOpenIndex opens damaged files: none may panic, and what opens can be searched.
func FuzzOpenIndex(f *testing.F) {
	x := newIndex(f, rand.New(rand.NewPCG(9, 10)), 5, 4)
	path := filepath.Join(f.TempDir(), "seed")
	if err := x.Save(path); err != nil {
		f.Fatal(err)
	}
	x.Close()
	seed, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add(seed[:len(seed)-3])
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		x, err := OpenIndex(path)
		if err != nil {
			if fault.KindOf(err) == "" {
				t.Errorf("%v is of no kind", err)
			}
			return
		}
		defer x.Close()
		v := make([]float32, x.Dim())
		v[0] = 1
		if m, err := x.Search(t.Context(), Query{Vector: v, N: 3}); err != nil || len(m) > x.Len() {
			t.Errorf("%d matches, %v", len(m), err)
		}
	})
}

// BenchmarkIndex searches a million vectors of 512 numbers, 1 GB, and reads as many
// bytes on the same threads for comparison.
func BenchmarkIndex(b *testing.B) {
	const dim, n = 512, 1_000_000
	r := rand.New(rand.NewPCG(11, 12))
	x := &Index{dim: dim, fresh: make([]uint16, dim*n), ids: make([]string, n)}
	for i := range x.fresh {
		x.fresh[i] = asm.RoundF16(float32(r.Uint32())/(1<<36) - 1./32)
	}
	b.Run("read", func(b *testing.B) {
		b.SetBytes(2 * dim * n)
		for b.Loop() {
			readAll(x.fresh)
		}
	})
	b.Run("search", func(b *testing.B) {
		q := Query{Vector: randomVector(r, dim)}
		b.SetBytes(2 * dim * n)
		for b.Loop() {
			if _, err := x.Search(b.Context(), q); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// readAll reads memory as fast as a sum can.
func readAll(x []uint16) {
	words := unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x)/2)
	var wg sync.WaitGroup
	for part := range slices.Chunk(words, len(words)/runtime.GOMAXPROCS(0)+1) {
		wg.Go(func() {
			for c := range slices.Chunk(part, 1<<16) {
				asm.Max(c)
			}
		})
	}
	wg.Wait()
}
