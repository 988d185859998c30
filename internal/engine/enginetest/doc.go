// Package enginetest says what each [engine.Op] means and checks that an engine
// computes it.
//
// [Define] is the meaning: every Op as a formula in float64, written for reading.
// [Engine] makes of it a slow engine for tests of what stands above engines.
// [Run] is the suite that an engine must pass, [Benchmark] says how fast it is.
package enginetest
