package clip

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/fault"
)

// Query says what to look for in an Index.
type Query struct {
	Vector []float32 // of any length but zero
	N      int       // how many matches to return at most; 0 means 10

	// Keep, if given, says which vectors may be found. It is asked only for those that
	// would be among the matches, by one goroutine at a time. It must not call methods of
	// the index.
	Keep func(id string) bool

	Threads int // to search on; 0 means GOMAXPROCS
}

// Match is a vector that was found.
type Match struct {
	ID     string
	Index  int     // of the vector, as ID takes it
	Cosine float32 // of the angle to the query, in [-1, 1]
}

// Search returns the vectors nearest to the query, the nearest first; of equally near
// ones, those added first. It compares all vectors: 1 million of 512 numbers are 1 GB
// to read.
//
// Errors: Shape for a vector of another width, NotFinite for one without a direction,
// Invalid for a negative N, Closed, ctx's.
func (x *Index) Search(ctx context.Context, q Query) ([]Match, error) {
	v, err := x.direction(q.Vector)
	if err != nil {
		return nil, err
	}
	if q.N < 0 || q.Threads < 0 {
		return nil, fault.Newf(fault.Invalid, "clip", "%d matches on %d threads, want none or more of both", q.N, q.Threads)
	}
	if q.N == 0 {
		q.N = 10
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.closed {
		return nil, errClosedIndex
	}
	s := &search{index: x, vector: v, n: q.N, keep: q.Keep}
	if err := s.run(ctx, q.Threads); err != nil {
		return nil, err
	}
	return s.matches(), nil
}

// search is one search, spread over workers that take a stretch of vectors at a time.
type search struct {
	index  *Index
	vector []float32
	n      int

	next atomic.Int64 // the stretch to take next

	mu   sync.Mutex // guards what follows
	keep func(id string) bool
	best []candidate // a heap, the worst on top
}

// candidate is a vector and its cosine.
type candidate struct {
	at     int
	cosine float32
}

// worse says that a stands behind b among the matches.
func (a candidate) worse(b candidate) bool {
	return a.cosine < b.cosine || a.cosine == b.cosine && a.at > b.at
}

// stretch is how many vectors are compared before the best of them are looked for.
const stretch = 2048

func (s *search) run(ctx context.Context, threads int) error {
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	for range min(threads, 1+s.index.len()/stretch) {
		wg.Go(func() { s.work(ctx) })
	}
	wg.Wait()
	return ctx.Err()
}

func (s *search) work(ctx context.Context) {
	scores := make([]float32, stretch)
	parts := s.index.parts()
	for ctx.Err() == nil {
		at := int(s.next.Add(1)-1) * stretch
		if at >= s.index.len() {
			return
		}
		n := min(stretch, s.index.len()-at)
		for i := 0; i < n; {
			i += s.compare(parts, at+i, scores[i:n])
		}
		s.offer(at, scores[:n])
	}
}

// vectors lie side by side.
type vectors struct {
	from, n int
	at      unsafe.Pointer
}

// row returns where vector j of a part begins.
func (p vectors) row(j, dim int) unsafe.Pointer { return unsafe.Add(p.at, 2*j*dim) }

func (x *Index) parts() (out []vectors) {
	if x.saved != nil && x.saved.n > 0 {
		out = append(out, vectors{0, x.saved.n, unsafe.Pointer(unsafe.SliceData(x.saved.vectors))})
	}
	if len(x.ids) > 0 {
		out = append(out, vectors{x.len() - len(x.ids), len(x.ids), unsafe.Pointer(unsafe.SliceData(x.fresh))})
	}
	return out
}

// compare fills cosines from vector i on, as many as lie side by side, and returns
// their number.
func (s *search) compare(parts []vectors, i int, cosines []float32) int {
	for _, p := range parts {
		if i >= p.from+p.n {
			continue
		}
		n := min(len(cosines), p.from+p.n-i)
		dots(s.vector, p.row(i-p.from, s.index.dim), cosines[:n])
		return n
	}
	return len(cosines)
}

// dots multiplies v with stored vectors. How the products are added does not depend on
// how many vectors there are.
func dots(v []float32, at unsafe.Pointer, out []float32) {
	rows := &[asm.MaxRows]unsafe.Pointer{unsafe.Pointer(unsafe.SliceData(v))}
	asm.Dots(rows, 1, len(v), asm.F16, at, 2*len(v), len(out), unsafe.Pointer(unsafe.SliceData(out)), 4*len(out))
	runtime.KeepAlive(v)
}

// offer puts those of a stretch that are among the best so far into the heap.
func (s *search) offer(at int, cosines []float32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range cosines {
		x := candidate{at + i, c}
		full := len(s.best) == s.n
		if c != c || full && !s.best[0].worse(x) {
			continue // NaN, from a damaged file, is no match
		}
		if s.keep != nil && !s.keep(s.index.id(x.at)) {
			continue
		}
		if full {
			s.best[0] = x
			s.sink()
		} else {
			s.rise(x)
		}
	}
}

// rise adds a candidate at the bottom of the heap and moves it up.
func (s *search) rise(x candidate) {
	s.best = append(s.best, x)
	for i := len(s.best) - 1; i > 0; {
		up := (i - 1) / 2
		if !s.best[i].worse(s.best[up]) {
			return
		}
		s.best[i], s.best[up] = s.best[up], s.best[i]
		i = up
	}
}

// sink moves the top of the heap to its place.
func (s *search) sink() {
	for i := 0; ; {
		worst := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(s.best); c++ {
			if s.best[c].worse(s.best[worst]) {
				worst = c
			}
		}
		if worst == i {
			return
		}
		s.best[i], s.best[worst] = s.best[worst], s.best[i]
		i = worst
	}
}

func (s *search) matches() []Match {
	slices.SortFunc(s.best, func(a, b candidate) int {
		if a.worse(b) {
			return 1
		}
		return -1
	})
	out := make([]Match, len(s.best))
	for i, c := range s.best {
		out[i] = Match{ID: s.index.id(c.at), Index: c.at, Cosine: min(max(c.cosine, -1), 1)}
	}
	return out
}
