package cpu

import (
	"unsafe"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// taps says where the pixels lie that a convolution reads: for each row (or column)
// of the result and each row of the kernel the offset of a row of the picture, or
// outside.
type taps struct {
	kh, kw     int
	stride     int // pixels between those that neighbours of the result begin at
	outH, outW int
	rowAt      []int32 // [outH][kh] rows of the picture
	colAt      []int32 // [outW][kw] columns
	w          int     // columns of the picture
	channels   int
	zeros      []float32 // what is outside: a pixel of zeros
}

// tilesOf returns the taps of Winograd's tiles: each tile of 4×4 results reads 6×6
// pixels, as if a kernel of that size moved in steps of 4. Up to three rows and columns
// more than the convolution reads lie outside or are read in vain.
func tilesOf(c engine.Conv2D) *taps {
	outH, outW := c.OutSize()
	upH, upW := c.H, c.W
	if c.UpH > 0 {
		upH, upW = c.UpH, c.UpW
	}
	t := newTaps(6, 6, ceilDiv(outH, 4), ceilDiv(outW, 4), c.W, c.In)
	t.rowAt = axis(t.outH, 6, func(o, k int) int { return scaled(4*o+k-c.Pad[0], c.H, upH) })
	t.colAt = axis(t.outW, 6, func(o, k int) int { return scaled(4*o+k-c.Pad[1], c.W, upW) })
	return t
}

// outside marks a tap that falls on padding.
const outside = -1

// tapsOf returns the taps of a convolution.
func tapsOf(c engine.Conv2D) *taps {
	outH, outW := c.OutSize()
	upH, upW := c.H, c.W
	if c.UpH > 0 {
		upH, upW = c.UpH, c.UpW
	}
	t := newTaps(c.KH, c.KW, outH, outW, c.W, c.In)
	t.stride = c.Stride
	t.rowAt = axis(outH, c.KH, func(o, k int) int { return scaled(o*c.Stride+k-c.Pad[0], c.H, upH) })
	t.colAt = axis(outW, c.KW, func(o, k int) int { return scaled(o*c.Stride+k-c.Pad[1], c.W, upW) })
	return t
}

// gradTaps returns the taps of the gradient for the input: which pixels of dy each
// pixel of dx went to, the kernel's taps in their own order.
func gradTaps(c engine.Conv2D) *taps {
	outH, outW := c.OutSize()
	t := newTaps(c.KH, c.KW, c.H, c.W, outW, c.Out)
	back := func(at, out int) int {
		if at%c.Stride != 0 || at/c.Stride >= out || at < 0 {
			return outside
		}
		return at / c.Stride
	}
	t.rowAt = axis(c.H, c.KH, func(y, k int) int { return back(y+c.Pad[0]-k, outH) })
	t.colAt = axis(c.W, c.KW, func(x, k int) int { return back(x+c.Pad[1]-k, outW) })
	return t
}

func newTaps(kh, kw, outH, outW, w, channels int) *taps {
	return &taps{kh: kh, kw: kw, stride: 1, outH: outH, outW: outW, w: w, channels: channels, zeros: make([]float32, channels)}
}

func axis(out, k int, at func(o, k int) int) []int32 {
	v := make([]int32, out*k)
	for i := range v {
		v[i] = int32(at(i/k, i%k))
	}
	return v
}

// scaled returns the pixel of n that stands at place i of the n enlarged to up.
func scaled(i, n, up int) int {
	if i < 0 || i >= up {
		return outside
	}
	return i * n / up
}

// pixel writes the addresses of what pixel p of the result reads from the picture x
// to lane i of every segment.
func (t *taps) pixel(x unsafe.Pointer, p, i int, table []rowTable) {
	rows, cols := t.rowAt[p/t.outW*t.kh:][:t.kh], t.colAt[p%t.outW*t.kw:][:t.kw]
	for ky, r := range rows {
		for kx, c := range cols {
			table[ky*t.kw+kx][i] = t.address(x, r, c)
		}
	}
}

func (t *taps) address(x unsafe.Pointer, row, col int32) unsafe.Pointer {
	if row == outside || col == outside {
		return unsafe.Pointer(unsafe.SliceData(t.zeros))
	}
	return unsafe.Add(x, 4*t.channels*(int(row)*t.w+int(col)))
}

// group returns group g of the result's pixels, which never spans two pictures.
func (t *taps) group(x unsafe.Pointer, pictureBytes, g int, table []rowTable) group {
	m, pixels := asm.TileRows(), t.outH*t.outW
	perItem := ceilDiv(pixels, m)
	item, p := g/perItem, g%perItem*m
	at := group{row: item*pixels + p, n: min(m, pixels-p), item: item}
	x = unsafe.Add(x, item*pictureBytes)
	for i := range at.n {
		t.pixel(x, p+i, i, table)
	}
	at.next = t.fresh(x, p, m)
	return at
}

// fresh returns what m pixels of the result after those from p on read that neither
// these nor the row of the result above have read.
func (t *taps) fresh(x unsafe.Pointer, p, m int) (a asm.Area) {
	rows, bytes := min(t.stride, t.kh), 4*t.channels
	last := t.rowAt[p/t.outW*t.kh+t.kh-1]
	if last == outside {
		return a
	}
	row := int(last) - rows + 1
	a.At = uintptr(x) + uintptr(bytes*(row*t.w+(p%t.outW+m)*t.stride))
	if t.kh*t.kw == 1 {
		a.Rows, a.Bytes, a.Ld = m, bytes, bytes*t.stride
	} else {
		a.Rows, a.Bytes, a.Ld = rows, bytes*m*t.stride, bytes*t.w
	}
	return a
}

// groups returns how many groups the pixels of a batch make.
func (t *taps) groups(batch int) int { return batch * ceilDiv(t.outH*t.outW, asm.TileRows()) }
