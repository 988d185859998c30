//go:build !amd64 || purego

package asm

func tile512(t *Tile)  { tileGo(t) }
func tileBF16(t *Tile) { panic("asm: no bfloat16 arithmetic on this processor") }
