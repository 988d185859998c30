package cpu

import "github.com/easel-go/easel/internal/engine"

// grain is how many numbers a piece of an elementwise kernel has: 64 KiB, enough to
// make handing it out cheap.
const grain = 16 << 10

// pieces returns how many pieces of the given size cover n.
func pieces(n, size int) int { return (n + size - 1) / size }

// span returns where piece i of the given size begins and ends.
func span(i, size, n int) (lo, hi int) { return i * size, min((i+1)*size, n) }

// rowsPerPiece returns how many rows of c numbers make a piece.
func rowsPerPiece(c int) int { return max(grain/max(c, 1), 1) }

// noScratch is embedded by kernels that need none.
type noScratch struct{}

// Scratch returns 0.
func (noScratch) Scratch() int64 { return 0 }

func in(a *engine.Args, i int) []float32  { return engine.Slice[float32](a.In[i]) }
func out(a *engine.Args, i int) []float32 { return engine.Slice[float32](a.Out[i]) }
