//go:build amd64 && !purego

package asm

import "unsafe"

func tile512(t *Tile) {
	t.mask = uint32(1<<((t.N-1)%32+1) - 1)
	switch t.M {
	case 1:
		tile512x1(t)
	case 2:
		tile512x2(t)
	case 3:
		tile512x3(t)
	case 4:
		tile512x4(t)
	case 5:
		tile512x5(t)
	case 6:
		tile512x6(t)
	case 7:
		tile512x7(t)
	case 8:
		tile512x8(t)
	case 9:
		tile512x9(t)
	case 10:
		tile512x10(t)
	case 11:
		tile512x11(t)
	case 12:
		tile512x12(t)
	}
}

func tileBF16(t *Tile) {
	t.mask = uint32(1<<((t.N-1)%32+1) - 1)
	switch t.M {
	case 1:
		tileBF16x1(t)
	case 2:
		tileBF16x2(t)
	case 3:
		tileBF16x3(t)
	case 4:
		tileBF16x4(t)
	case 5:
		tileBF16x5(t)
	case 6:
		tileBF16x6(t)
	case 7:
		tileBF16x7(t)
	case 8:
		tileBF16x8(t)
	}
}

// lanes holds masks for VMASKMOVPS: the 16 from lanes[16−n] on select n columns.
var lanes [32]int32

func init() {
	for i := range 16 {
		lanes[i] = -1
	}
}

func tile256(t *Tile) {
	t.maskY = unsafe.Pointer(&lanes[15-(t.N-1)%16])
	switch t.M {
	case 1:
		tile256x1(t)
	case 2:
		tile256x2(t)
	case 3:
		tile256x3(t)
	case 4:
		tile256x4(t)
	case 5:
		tile256x5(t)
	case 6:
		tile256x6(t)
	}
}

//go:noescape
func tile512x1(t *Tile)

//go:noescape
func tileBF16x1(t *Tile)

//go:noescape
func tile256x1(t *Tile)

//go:noescape
func tile512x2(t *Tile)

//go:noescape
func tileBF16x2(t *Tile)

//go:noescape
func tile256x2(t *Tile)

//go:noescape
func tile512x3(t *Tile)

//go:noescape
func tileBF16x3(t *Tile)

//go:noescape
func tile256x3(t *Tile)

//go:noescape
func tile512x4(t *Tile)

//go:noescape
func tileBF16x4(t *Tile)

//go:noescape
func tile256x4(t *Tile)

//go:noescape
func tile512x5(t *Tile)

//go:noescape
func tileBF16x5(t *Tile)

//go:noescape
func tile256x5(t *Tile)

//go:noescape
func tile512x6(t *Tile)

//go:noescape
func tileBF16x6(t *Tile)

//go:noescape
func tile256x6(t *Tile)

//go:noescape
func tile512x7(t *Tile)

//go:noescape
func tileBF16x7(t *Tile)

//go:noescape
func tile512x8(t *Tile)

//go:noescape
func tileBF16x8(t *Tile)

//go:noescape
func tile512x9(t *Tile)

//go:noescape
func tile512x10(t *Tile)

//go:noescape
func tile512x11(t *Tile)

//go:noescape
func tile512x12(t *Tile)
