// Package train takes the steps of training an adapter: pictures as a trainer prepares
// them, noise, the network with its changes, the loss and its gradients, and AdamW. It
// knows no files and no datasets; package lora repeats its step.
//
//	layers := train.Match(bundle.UNet, []string{"to_q", "to_k", "to_v", "to_out.0"})
//	adapter, err := train.Attach(layers, train.Init{Rank: 16, Alpha: 4, Draw: rng.NewTorch(seed)})
//	t, err := train.New(bundle, adapter, train.Options{…})
//	loss, err := t.Micro(ctx, batch)   // adds gradients; once, or several times to accumulate
//	done, err := t.Update()            // clips, and takes the optimiser's step
//
// Numbers follow torch, peft and diffusers: initial values from one seed are equal bit
// by bit, losses agree to float32's rounding.
//
// Only the adapter's matrices get gradients. What the frozen network contributes is the
// gradient of its activations; no gradient of a base weight is formed, and attention
// keeps no matrix of scores.
package train
