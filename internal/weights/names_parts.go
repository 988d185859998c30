package weights

import (
	"slices"
	"strconv"
	"strings"
)

// renameVAE renames the VAEs of LDM, and the attention of diffusers' of 2022, which
// is also how some of LDM's names end.
//
// The rules: diffusers/loaders/single_file_utils.py, DIFFUSERS_TO_LDM_MAPPING["vae"]
// and models/attention_processor.py, _convert_deprecated_attention_blocks.
func renameVAE(s *Source) func(string, entry) []tensorOf {
	ldm := s.Has("decoder.mid.block_1.norm1.weight") || s.Has("encoder.mid.block_1.norm1.weight")
	levels := 0
	for s.Has(dotted("decoder.up", levels) + ".block.0.norm1.weight") {
		levels++
	}
	return func(name string, e entry) []tensorOf {
		words := strings.Split(name, ".")
		if ldm && len(words) > 3 && !renameVAEBlock(&words, levels) {
			return nil
		}
		if ldm && len(words) == 3 && words[1] == "norm_out" {
			words[1] = "conv_norm_out"
		}
		if i := slices.Index(words, "attentions"); i >= 0 && len(words) > i+2 {
			if to := vaeAttention[words[i+2]]; to != "" {
				words[i+2] = to
			}
			e = e.withoutOnes()
		}
		return []tensorOf{{strings.Join(words, "."), e}}
	}
}

var vaeAttention = map[string]string{
	"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0", // LDM
	"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0", // diffusers, 2022
}

// renameVAEBlock renames encoder.down.0.block.1.… and its like. LDM counts the
// decoder's levels from the image, diffusers from the latents.
func renameVAEBlock(words *[]string, levels int) bool {
	w := *words
	head, inner := []string{w[0]}, w[2:]
	switch where := w[1]; where {
	case "mid":
		to := map[string]string{"block_1": "resnets.0", "block_2": "resnets.1", "attn_1": "attentions.0"}[w[2]]
		if to == "" {
			return false
		}
		head, inner = append(head, "mid_block", to), w[3:]
	case "down", "up":
		level, err := strconv.Atoi(w[2])
		if err != nil {
			return false
		}
		if where == "up" {
			level = levels - 1 - level
		}
		head, inner = append(head, where+"_blocks", strconv.Itoa(level)), w[3:]
		switch {
		case inner[0] == "block" && len(inner) > 2:
			head, inner = append(head, "resnets", inner[1]), inner[2:]
		case inner[0] == where+"sample" && len(inner) > 1:
			head, inner = append(head, where+"samplers.0"), inner[1:]
		default:
			return false
		}
	default:
		return false
	}
	if inner[0] == "nin_shortcut" {
		inner[0] = "conv_shortcut"
	}
	*words = strings.Split(strings.Join(append(head, inner...), "."), ".")
	return true
}

// renameOpenCLIP renames a text encoder of OpenCLIP to transformers' names: q, k and
// v are rows of one matrix there, and the projection multiplies from the right.
//
// The rules: diffusers/loaders/single_file_utils.py, convert_open_clip_checkpoint.
func renameOpenCLIP(name string, e entry) []tensorOf {
	switch name {
	case "positional_embedding":
		return []tensorOf{{"text_model.embeddings.position_embedding.weight", e}}
	case "token_embedding.weight":
		return []tensorOf{{"text_model.embeddings.token_embedding.weight", e}}
	case "text_projection":
		if len(e.Shape) != 2 {
			return nil
		}
		return []tensorOf{{"text_projection.weight", e.transposed()}}
	}
	if rest, ok := strings.CutPrefix(name, "ln_final."); ok {
		return []tensorOf{{"text_model.final_layer_norm." + rest, e}}
	}
	rest, ok := strings.CutPrefix(name, "transformer.resblocks.")
	layer, rest, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 {
		return nil
	}
	at := "text_model.encoder.layers." + layer + "."
	if kind, ok := strings.CutPrefix(rest, "attn.in_proj_"); ok {
		if len(e.Shape) == 0 || e.Shape[0]%3 != 0 {
			return nil
		}
		var qkv []tensorOf
		for i, x := range []string{"q", "k", "v"} {
			qkv = append(qkv, tensorOf{at + "self_attn." + x + "_proj." + kind, e.third(i)})
		}
		return qkv
	}
	for _, r := range [][2]string{
		{"attn.out_proj.", "self_attn.out_proj."}, {"ln_1.", "layer_norm1."}, {"ln_2.", "layer_norm2."},
		{"mlp.c_fc.", "mlp.fc1."}, {"mlp.c_proj.", "mlp.fc2."},
	} {
		if kind, ok := strings.CutPrefix(rest, r[0]); ok {
			return []tensorOf{{at + r[1] + kind, e}}
		}
	}
	return nil
}

// withoutOnes sees the weight of a 1×1 convolution as a matrix.
func (e entry) withoutOnes() entry {
	if n := len(e.Shape); n == 4 && e.Shape[2] == 1 && e.Shape[3] == 1 {
		e.Shape = e.Shape[:2:2]
	}
	return e
}

// third is the i-th of three equal groups of rows.
func (e entry) third(i int) entry {
	whole := e
	e.Shape = slices.Clone(e.Shape)
	e.Shape[0] /= 3
	cut := func(b []byte) []byte { n := len(b) / 3; return b[i*n : (i+1)*n : (i+1)*n] }
	if whole.load == nil {
		e.raw = cut(whole.raw)
		return e
	}
	e.load = func() ([]byte, error) {
		b, err := whole.bytes()
		return cut(b), err
	}
	return e
}

// transposed is the transpose of a matrix, made when asked for.
func (e entry) transposed() entry {
	whole := e
	rows, cols, size := e.Shape[0], e.Shape[1], max(1, e.Dtype.Bits()/8)
	e.Shape = []int{cols, rows}
	e.load = func() ([]byte, error) {
		b, err := whole.bytes()
		if err != nil {
			return nil, err
		}
		t := aligned8(len(b))
		for r := range rows {
			for c := range cols {
				copy(t[(c*rows+r)*size:][:size], b[(r*cols+c)*size:])
			}
		}
		return t, nil
	}
	return e
}
