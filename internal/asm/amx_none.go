//go:build !linux || !amd64 || purego

package asm

func allowAMX() bool { return false }
