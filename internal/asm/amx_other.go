//go:build !amd64 || purego

package asm

func amxTile(*amx) {}
