//go:build !amd64 || purego

package asm

func peak(n int) int { return peakGo(n) }
