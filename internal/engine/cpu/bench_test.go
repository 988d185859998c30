package cpu

import (
	"fmt"
	"testing"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/enginetest"
)

// copying moves bytes from one half of a block to the other, on every worker.
type copying struct{ src, dst []byte }

const copyPiece = 256 << 10

func (c *copying) do(_ *engine.Args, _, _, i int) {
	at := i * copyPiece % len(c.src)
	copy(c.dst[at:at+copyPiece], c.src[at:])
}

func BenchmarkEngine(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			e := New(Options{Threads: threads})
			memory := engine.Slice[byte](alloc(b, 512<<20))
			for i := range memory {
				memory[i] = 1
			}
			c := &copying{memory[:256<<20], memory[256<<20:]}
			r, err := e.Begin(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			// A copy of n/2 bytes reads and writes n.
			enginetest.Benchmark(b, e, func(n int64) { _ = r.(*run).parallel(c, nil, 0, max(int(n/2/copyPiece), 1)) })
			if err := r.End(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
