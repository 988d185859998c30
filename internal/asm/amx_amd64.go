//go:build amd64 && !purego

package asm

//go:noescape
func amxTile(t *amx)
