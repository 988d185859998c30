package vit

import (
	"strings"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/weights"
)

// Classes returns how many classes a checkpoint tells apart.
func Classes(src *weights.Source) (int, error) {
	info, ok := src.Info("classifier.weight")
	if !ok || len(info.Shape) != 2 {
		return 0, &fault.Error{Kind: fault.Missing, Op: "vit", Where: src.Path(), What: "classifier.weight", Have: "is not there", Want: "a ViTForImageClassification"}
	}
	return info.Shape[0], nil
}

// Bind gives the network the weights of a checkpoint, which must stay open.
func (m *Model) Bind(src *weights.Source) error {
	renamed := map[string]*tensor.Dense{}
	for _, name := range src.Names() {
		if strings.HasPrefix(name, "vit.pooler.") {
			continue // part of the bare model, not of the classifier
		}
		v, err := src.Tensor(name)
		if err != nil {
			return err
		}
		renamed[encoderName(name)] = v
	}
	s, err := weights.FromTensors(renamed)
	if err == nil {
		err = weights.Bind(m, s, "")
	}
	if err != nil {
		return &fault.Error{Kind: fault.KindOf(err), Op: "vit", Where: src.Path(), Err: err}
	}
	return nil
}

// layerNames are ViT's names for the parts of a layer, and those of package encoder,
// which are CLIP's.
var layerNames = [][2]string{
	{"attention.attention.query.", "self_attn.q_proj."},
	{"attention.attention.key.", "self_attn.k_proj."},
	{"attention.attention.value.", "self_attn.v_proj."},
	{"attention.output.dense.", "self_attn.out_proj."},
	{"layernorm_before.", "layer_norm1."},
	{"layernorm_after.", "layer_norm2."},
	{"intermediate.dense.", "mlp.fc1."},
	{"output.dense.", "mlp.fc2."},
}

// encoderName renames "vit.encoder.layer.0.attention.attention.query.weight" and its
// like; other names stay.
func encoderName(name string) string {
	rest, ok := strings.CutPrefix(name, "vit.encoder.layer.")
	if !ok {
		return name
	}
	layer, part, _ := strings.Cut(rest, ".")
	for _, n := range layerNames {
		if kind, ok := strings.CutPrefix(part, n[0]); ok {
			return "vit.encoder.layers." + layer + "." + n[1] + kind
		}
	}
	return name
}
