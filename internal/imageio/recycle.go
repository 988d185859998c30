package imageio

import "sync"

// What decoders and pictures no longer need waits here for the next. Who decodes many
// pictures would spend a third of the time on memory that is made, cleared and collected.
var sparePlanes, sparePixels sync.Pool

// take returns n zeros, from a pool if what it has is large enough.
func take(from *sync.Pool, n int) []byte {
	if b, _ := from.Get().(*[]byte); b != nil && cap(*b) >= n {
		zeros := (*b)[:n]
		clear(zeros)
		return zeros
	}
	return make([]byte, n)
}

func give(to *sync.Pool, b []byte) {
	if cap(b) > 0 {
		to.Put(&b)
	}
}

// Recycle gives the pixels of p to a picture that is decoded later. Neither p nor what
// shares its pixels may be used any more.
func (p *Picture) Recycle() {
	give(&sparePixels, p.Pix)
	p.Pix = nil
}
