//go:build !amd64 || purego

package asm

import "unsafe"

const absent = "asm: no such loop on this processor"

func product512x32(*panelArgs)                                   { panic(absent) }
func product512x16(*panelArgs)                                   { panic(absent) }
func product256x16(*panelArgs)                                   { panic(absent) }
func columnSoftmax512(*columnArgs)                               { panic(absent) }
func columnSoftmax256(*columnArgs)                               { panic(absent) }
func turn512(unsafe.Pointer, int, unsafe.Pointer, int, int, int) { panic(absent) }
func turn256(unsafe.Pointer, int, unsafe.Pointer, int)           { panic(absent) }
