//go:build !linux

package cpu

import "time"

func threadTime() time.Duration { return time.Since(start) }
