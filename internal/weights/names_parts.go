package weights

import (
	"slices"
	"strconv"
	"strings"

	"github.com/easel-go/easel/internal/nn"
)

// renameUNet renames the UNets of LDM and DiffSynth.
func renameUNet(s *Source) func(string, entry) []tensorOf {
	names, err := NewUNetNames(s.names)
	if err != nil || names.Dialect == Diffusers {
		return same
	}
	return func(name string, e entry) []tensorOf {
		if to, ok := names.Translate(name, names.Dialect, Diffusers); ok {
			return []tensorOf{{to, e}}
		}
		return nil
	}
}

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
		if ldm && len(words) > 3 {
			var ok bool
			if words, ok = renameVAEBlock(words, levels); !ok {
				return nil
			}
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

// renameVAEBlock renames encoder.down.0.block.1.… and its like, of at least four
// words.
func renameVAEBlock(words []string, levels int) ([]string, bool) {
	head, inner, ok := vaeBlock(words[1:], levels)
	if !ok {
		return nil, false
	}
	if inner[0] == "nin_shortcut" {
		inner[0] = "conv_shortcut"
	}
	name := nn.Join(nn.Join(words[0], head), strings.Join(inner, "."))
	return strings.Split(name, "."), true
}

// vaeBlock translates the block that a name begins with, and returns the words after
// it. LDM counts the decoder's levels from the image, diffusers from the latents.
func vaeBlock(w []string, levels int) (head string, inner []string, ok bool) {
	if w[0] == "mid" {
		head, ok = map[string]string{"block_1": "resnets.0", "block_2": "resnets.1", "attn_1": "attentions.0"}[w[1]]
		return "mid_block." + head, w[2:], ok
	}
	level, err := strconv.Atoi(w[1])
	if err != nil || w[0] != "down" && w[0] != "up" {
		return "", nil, false
	}
	if w[0] == "up" {
		level = levels - 1 - level
	}
	head = dotted(w[0]+"_blocks", level)
	switch {
	case w[2] == "block" && len(w) > 4:
		return head + ".resnets." + w[3], w[4:], true
	case w[2] == w[0]+"sample" && len(w) > 3:
		return head + "." + w[0] + "samplers.0", w[3:], true
	}
	return "", nil, false
}

// renameOpenCLIP renames OpenCLIP's and OpenAI's towers, of which a file may hold
// the text's alone, to transformers' names: q, k and v are rows of one matrix there,
// and projections multiply from the right.
//
// The rules: diffusers/loaders/single_file_utils.py, convert_open_clip_checkpoint;
// transformers/models/clip/convert_clip_original_pytorch_to_hf.py.
func renameOpenCLIP(name string, e entry) []tensorOf {
	inner, vision := strings.CutPrefix(name, "visual.")
	tower, names := "text_model.", openCLIPText
	if vision {
		tower, names = "vision_model.", openCLIPVision
	}
	if rest, ok := strings.CutPrefix(inner, "transformer.resblocks."); ok {
		return renameOpenCLIPLayer(tower+"encoder.layers.", rest, e)
	}
	for _, r := range names {
		if rest, ok := strings.CutPrefix(inner, r.from); ok && (rest == "" || strings.HasSuffix(r.from, ".")) {
			return []tensorOf{{r.to + rest, e}}
		}
	}
	to := map[string]string{"text_projection": "text_projection.weight", "visual.proj": "visual_projection.weight"}[name]
	if to == "" || len(e.Shape) != 2 {
		return nil
	}
	return []tensorOf{{to, e.transposed()}}
}

var openCLIPText = []struct{ from, to string }{
	{"positional_embedding", "text_model.embeddings.position_embedding.weight"},
	{"token_embedding.weight", "text_model.embeddings.token_embedding.weight"},
	{"ln_final.", "text_model.final_layer_norm."},
	{"logit_scale", "logit_scale"},
}

var openCLIPVision = []struct{ from, to string }{
	{"class_embedding", "vision_model.embeddings.class_embedding"},
	{"positional_embedding", "vision_model.embeddings.position_embedding.weight"},
	{"conv1.weight", "vision_model.embeddings.patch_embedding.weight"},
	{"ln_pre.", "vision_model.pre_layrnorm."}, // transformers spells it so
	{"ln_post.", "vision_model.post_layernorm."},
}

// renameOpenCLIPLayer renames "0.attn.in_proj_weight" and its like.
func renameOpenCLIPLayer(layers, name string, e entry) []tensorOf {
	layer, rest, _ := strings.Cut(name, ".")
	at := layers + layer + "."
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
