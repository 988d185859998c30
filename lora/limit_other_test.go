//go:build !linux && !darwin

package lora

import "errors"

func limitFiles(uint64) error { return errors.ErrUnsupported }
