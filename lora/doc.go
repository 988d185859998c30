// Package lora reads adapters of every tool, puts them into a pipeline, and trains new
// ones.
//
//	a, err := lora.Load("style.safetensors")
//	in, err := lora.Inject(pipe, a, lora.WithScale(0.8))
//	err = in.SetScale(0.5) // between pictures; nothing is built anew
//	err = in.Remove()
//
// An adapter (LoRA; Hu and others 2021) is a small change of some layers' weights:
// W' = W + scale·alpha/rank·B·A. [Load] reads what PEFT, diffusers (today's names and
// those of 2022), kohya's sd-scripts, LyCORIS (LoCon, LoHa, LoKr, DoRA, whole
// differences), DiffSynth-Studio and cloneofsimo's lora write. [Inject] finds the layers
// by name. A layer that is not there is an error that lists what did not match, never a
// style that silently does nothing; see [SkipMissing].
//
// The weights of the model are not copied and do not change: an adapter is applied
// beside them, costs its own size of memory, and can be taken out again.
// [Injection.Merge] adds it to copies of the layers it touches instead.
//
// [Train] makes an adapter from pictures and their captions: of the UNet and, where it is
// asked to, of CLIP's text encoders.
//
//	res, err := lora.Train(ctx, pipe, data, lora.Config{Rank: 16, Dir: "out", SaveEvery: 100})
//	err = res.Adapter.Save("style.safetensors", lora.Diffusers, lora.For(pipe))
//
// A training that ends early, by an error, a signal or the loss of power, leaves whole
// checkpoints; Config.Resume goes on from one and ends with the bytes that it would have
// ended with.
package lora
