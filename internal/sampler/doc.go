// Package sampler turns a noise schedule into the numbers of one run.
//
// A network that was trained to see noise in pictures says, call after call, where
// the noise is; a sampler says what is called with what, and how the latents move.
// This package holds every rule that diffusers has for Stable Diffusion 1, SDXL and
// Kolors, and DiffSynth's, as tables of float64: no tensor is touched, and a run is
// worked out whole before its first call.
//
//	config, err := sampler.ParseConfig(schedulerConfigJSON) // the model's own
//	config, err = config.As("DPM++ 2M Karras")              // or another, on the model's schedule
//	s, err := sampler.New(config)                           // immutable, to be shared
//	plan, err := s.Plan(sampler.Steps{N: 30})               // immutable, to be shared
//	run := sampler.Start[float32](plan, pictures)           // one run's memory
//	for i := range plan.Len() {
//		out := network(scaled(x, plan.InputScale(i)), plan.Timestep(i))
//		err = run.Step(x, out, noise)
//	}
//
// x begins as noise times [Plan.InitNoiseSigma], or, in image-to-image, as a picture
// with the noise of [Plan.Level](0). The loop is the same for every sampler: one that
// calls the network twice a step (Heun, DPM2) has more calls, [Plan.Len], and the
// memory between them is the [Run]'s.
//
// # How a run is told
//
// Each call of a plan is one row of numbers. The network's answer becomes a guess of
// the clean picture, which may be clipped; the guess becomes what later calls refer to
// (noise, picture or slope); and the latents become a sum of an earlier sample, such
// references, the raw answer and fresh noise. Clipping apart everything is linear, so a
// sampler is a file that fills rows in, and one line in the table of table.go.
//
// To add a sampler: a file with a struct of its options, tagged with the keys of its
// config (training, spacing, spread and the like are there to be embedded), a function
// that fills the defaults in, table, which checks them, and plan, which adds a call per
// call of the network; then a row in table.go. The tests of names, of true noise and of
// the reference's cases find it by the table.
//
// # Numbers
//
// diffusers keeps its tables in float32, whatever the latents are. The tables here are
// float64 that hold the same float32 values, rounded where diffusers rounds them (β, ᾱ,
// the σ of training and of the run): timesteps found through σ come out equal, and a
// run differs from the reference's float64 run by the float32 arithmetic that the
// reference does on single coefficients, about 1e-7 of a value. [Run] does its sums in
// float64 and rounds when it stores.
//
// Sources, named at each rule: diffusers 0.36.0, DiffSynth-Studio (August 2024), and
// the papers.
package sampler
