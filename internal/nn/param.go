package nn

import "gorgonia.org/tensor"

// Param is one tensor of a checkpoint. The constructor of a layer fixes its shape,
// so that a tree of layers describes a checkpoint before any file is opened;
// weights.Bind fills in the value.
type Param struct {
	Shape tensor.Shape
	Name  string        // in the checkpoint, diffusers' spelling; set by Bind
	Value *tensor.Dense // as stored: float32, engine.Float16 or engine.Bfloat16, mapped from the file; nil until Bind
}

// NewParam returns an unbound parameter of the given shape.
func NewParam(shape ...int) *Param { return &Param{Shape: shape} }
