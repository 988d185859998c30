package asm

import (
	"os"
	"runtime"
)

// Level is how much of a processor the loops use. Each level has what those below
// it have.
type Level uint8

// The levels.
const (
	PureGo     Level = iota // plain Go
	AVX2                    // AVX2, FMA3 and F16C
	AVX512                  // AVX-512 F, BW, DQ and VL
	AVX512BF16              // AVX512-BF16 besides: products of bfloat16 by VDPBF16PS
	AMX                     // AMX besides: products of bfloat16 by tiles
)

var levelNames = [...]string{"purego", vectorName(), "avx512", "avx512bf16", "amx"}

// NEON is the level of arm64. Its loops have the shapes of AVX2's, and their results
// the same bits: a pair of registers takes the place of each of AVX2's.
const NEON = AVX2

// vectorName is what the first level of vectors is called here.
func vectorName() string {
	if runtime.GOARCH == "arm64" {
		return "neon"
	}
	return "avx2"
}

// String returns the level as EASEL_CPU spells it.
func (l Level) String() string { return levelNames[l] }

// level is the one in use.
var level = min(detect(), wanted(os.Getenv("EASEL_CPU")))

// Use returns the level in use.
func Use() Level { return level }

// wanted returns the level of that name, the highest if there is none.
func wanted(name string) Level {
	for l, n := range levelNames {
		if n == name {
			return Level(l)
		}
	}
	return AMX
}
