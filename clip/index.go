package clip

import (
	"math"
	"strconv"
	"sync"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/weights"
)

// Index finds the nearest of many embeddings, exactly: it compares a query with every
// vector. Vectors are stored as float16, a million of 512 numbers in 1 GB, and those of
// a saved index are read from the mapped file. Its methods may be called from several
// goroutines; Add and Save wait for searches to end.
type Index struct {
	dim int

	mu     sync.RWMutex
	saved  *saved   // nil for an index that was never saved
	fresh  []uint16 // vectors added since, float16
	ids    []string // of fresh
	closed bool
}

// saved is the part of an index that lies in a file.
type saved struct {
	src     *weights.Source
	vectors []byte // float16, [n][dim]
	ids     []byte // names, one after the other
	ends    []byte // int64 where each name ends, [n]
	n       int
}

// maxDim bounds the numbers of a vector.
const maxDim = 1 << 16

// NewIndex returns an empty index of vectors of dim numbers, 1 to 65536.
func NewIndex(dim int) (*Index, error) {
	if dim < 1 || dim > maxDim {
		return nil, invalid("dimension", strconv.Itoa(dim), "1 to 65536")
	}
	return &Index{dim: dim}, nil
}

// Dim returns how many numbers a vector has.
func (x *Index) Dim() int { return x.dim }

// Len returns the number of vectors.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.len()
}

func (x *Index) len() int {
	n := len(x.ids)
	if x.saved != nil {
		n += x.saved.n
	}
	return n
}

// ID returns the id of vector i, which must be below Len; "" if it is not.
func (x *Index) ID(i int) string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.id(i)
}

func (x *Index) id(i int) string {
	if i < 0 || i >= x.len() {
		return ""
	}
	if x.saved != nil {
		if i < x.saved.n {
			return x.saved.id(i)
		}
		i -= x.saved.n
	}
	return x.ids[i]
}

// Add adds a vector under an id, which may be any text and need not be new. The vector
// is stored at length one, rounded to float16: cosines change by less than 1e-3.
//
// Errors: Shape for a vector of another width, NotFinite for one without a direction,
// Closed.
func (x *Index) Add(id string, vector []float32) error {
	v, err := x.direction(vector)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return errClosedIndex
	}
	at := len(x.fresh)
	x.fresh = append(x.fresh, make([]uint16, x.dim)...)
	asm.NarrowF16(x.fresh[at:], v)
	x.ids = append(x.ids, id)
	return nil
}

var errClosedIndex error = &fault.Error{Kind: fault.Closed, Op: "clip", What: "index"}

// direction returns a copy of v of length one.
func (x *Index) direction(v []float32) ([]float32, error) {
	if len(v) != x.dim {
		return nil, fault.Newf(fault.Shape, "clip", "vector of %d numbers, want %d, as the index has", len(v), x.dim)
	}
	var s float64
	for _, a := range v {
		s += float64(a) * float64(a)
	}
	if s == 0 || math.IsNaN(s) || math.IsInf(s, 0) {
		return nil, fault.Newf(fault.NotFinite, "clip", "vector of length %v, which has no direction", math.Sqrt(s))
	}
	u := make([]float32, len(v))
	for i, a := range v {
		u[i] = float32(float64(a) / math.Sqrt(s))
	}
	return u, nil
}

// Close lets go of the file. Vectors that were not saved are lost. Closing twice is no
// error.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed, x.fresh, x.ids = true, nil, nil
	s := x.saved
	x.saved = nil
	if s == nil {
		return nil
	}
	return s.src.Close()
}
