// Package weights ties the tensors of a checkpoint to the parameters of a network,
// and writes checkpoints.
//
// From a file to a network that can run is four steps:
//
//	src, err := weights.Open("sd_xl_base_1.0.safetensors")  // names and shapes; the file is mapped
//	ck, err := weights.Identify(src)                        // ck.Family is SDXL; every name is diffusers' now
//	net := unet.New(config)                                 // a tree of nn.Params that fixes names and shapes
//	err = weights.Bind(net, ck.Parts[weights.UNet], "")     // each Param gets its tensor, or nothing does
//	…
//	src.Close()                                             // when net is not used any more
//
// # Reading
//
// [Open] takes a safetensors file, a torch file of either format (zip, and the one
// before PyTorch 1.6), the index of a checkpoint that is split into shards, or a
// folder that holds one of these under the names of diffusers and transformers.
// What a file is follows from its content, not its name. The [Source] it returns
// gives names, types and shapes at once and values when they are asked for, from the
// mapped file where they lie there in one piece. So a checkpoint costs address
// space, and memory only for what is read; tensors are views of the file and go
// with Close. A file that another program shortens while it is mapped ends this one,
// as with every mapping; on Windows a file cannot be replaced meanwhile.
//
// Files come from strangers. Headers are read strictly; a pickle is data here (see
// package pickle): a short list says which names a checkpoint may contain, and
// nothing is ever run. What a file makes the reader allocate stays within four times
// its size and 16 MiB, so that a small file cannot fill the memory. Every error is a
// *fault.Error that names the file.
//
// # Names
//
// Inside the module there is one way of naming tensors, diffusers' (transformers'
// for text encoders). [Identify] renames all others at the edge: the single files
// of Stable Diffusion 1 and SDXL, DiffSynth's numbered blocks, VAEs of 2022. It also
// splits OpenCLIP's fused q, k, v, transposes its projection, and turns 1×1
// convolutions into matrices where diffusers has matrices. [UNetNames] translates
// single names both ways, for adapters that name modules.
//
// # Binding
//
// [Bind] is strict: missing, misshapen and unused tensors come in one error, a
// [Misfit], and then no parameter is touched. A network that binds is the network
// that the checkpoint was made for.
//
// # Writing
//
// [SaveSafetensors] and [SaveTorch] write what the reference libraries read, torch
// with weights_only. Files appear whole or not at all.
package weights
