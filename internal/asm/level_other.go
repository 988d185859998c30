//go:build (!amd64 && !arm64) || purego

package asm

func detect() Level { return PureGo }
