package lora

import (
	"regexp"
	"strings"
)

// role is what a tensor is to its layer.
type role string

// The roles, under their names in LyCORIS where it has them.
const (
	down      role = "lora_down" // A
	up        role = "lora_up"   // B
	mid       role = "lora_mid"
	upBias    role = "lora_up.bias"
	alpha     role = "alpha"
	magnitude role = "dora_scale"
	hada1a    role = "hada_w1_a"
	hada1b    role = "hada_w1_b"
	hada2a    role = "hada_w2_a"
	hada2b    role = "hada_w2_b"
	hadaT1    role = "hada_t1"
	hadaT2    role = "hada_t2"
	lokr1     role = "lokr_w1"
	lokr1a    role = "lokr_w1_a"
	lokr1b    role = "lokr_w1_b"
	lokr2     role = "lokr_w2"
	lokr2a    role = "lokr_w2_a"
	lokr2b    role = "lokr_w2_b"
	lokrT2    role = "lokr_t2"
	diff      role = "diff"
	diffBias  role = "diff_b"
)

// key is a tensor's name taken apart.
type key struct {
	layer   string
	role    role
	dialect Dialect // "" where the ending is everybody's
}

// endings are what names of tensors end with.
var endings = []struct {
	text    string
	role    role
	dialect Dialect
}{
	{".lora_down.weight", down, Kohya},
	{".lora_up.weight", up, Kohya},
	{".lora_mid.weight", mid, Kohya},
	{".lora.down.weight", down, OldDiffusers},
	{".lora.up.weight", up, OldDiffusers},
	{".lora_linear_layer.down.weight", down, OldDiffusers},
	{".lora_linear_layer.up.weight", up, OldDiffusers},
	{".lora_magnitude_vector", magnitude, ""},
	{".lora_magnitude_vector.weight", magnitude, ""},
	{".alpha", alpha, ""},
	{".dora_scale", magnitude, ""},
	{".hada_w1_a", hada1a, ""}, {".hada_w1_b", hada1b, ""}, {".hada_w2_a", hada2a, ""}, {".hada_w2_b", hada2b, ""},
	{".hada_t1", hadaT1, ""}, {".hada_t2", hadaT2, ""},
	{".lokr_w1", lokr1, ""}, {".lokr_w1_a", lokr1a, ""}, {".lokr_w1_b", lokr1b, ""},
	{".lokr_w2", lokr2, ""}, {".lokr_w2_a", lokr2a, ""}, {".lokr_w2_b", lokr2b, ""}, {".lokr_t2", lokrT2, ""},
	{".diff", diff, ""}, {".diff_b", diffBias, ""},
}

var (
	peftKey      = regexp.MustCompile(`^(.+)\.lora_([AB])(\.[A-Za-z0-9_-]+)?\.(weight|bias)$`)
	processorKey = regexp.MustCompile(`^(.+?)(\.processor)?\.(to_q|to_k|to_v|to_out)_lora\.(down|up)\.weight$`)
	numberedKey  = regexp.MustCompile(`^(unet|text_encoder):(\d{1,5}):(down|up)$`)
)

// parseKey takes a tensor's name apart; false for one of no dialect.
func parseKey(name string) (key, bool) {
	if m := peftKey.FindStringSubmatch(name); m != nil {
		return peftParts(m)
	}
	if m := processorKey.FindStringSubmatch(name); m != nil {
		return key{m[1] + "." + processorLayer(m[1], m[3]), half(m[4]), OldDiffusers}, true
	}
	if m := numberedKey.FindStringSubmatch(name); m != nil {
		return key{m[1] + ":" + m[2], half(m[3]), Cloneofsimo}, true
	}
	for _, e := range endings {
		if layer, ok := strings.CutSuffix(name, e.text); ok && layer != "" {
			return key{layer, e.role, e.dialect}, true
		}
	}
	return key{}, false
}

func peftParts(m []string) (key, bool) {
	k := key{layer: m[1], dialect: Diffusers}
	switch m[2] + m[4] {
	case "Aweight":
		k.role = down
	case "Bweight":
		k.role = up
	case "Bbias":
		k.role = upBias
	default:
		return key{}, false
	}
	return k, true
}

// processorLayer is the layer that diffusers' attention processors of 2022 and 2023
// mean by to_q and so on: a text encoder has other names for them (diffusers 0.36
// loaders/lora_conversion_utils.py and utils/state_dict_utils.py).
func processorLayer(parent, name string) string {
	if strings.HasSuffix(parent, "self_attn") {
		return map[string]string{"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"}[name]
	}
	if name == "to_out" {
		return "to_out.0"
	}
	return name
}

func half(name string) role {
	if name == "down" {
		return down
	}
	return up
}

// dialectOf tells a dialect from a key.
func dialectOf(k key) Dialect {
	switch {
	case strings.HasPrefix(k.layer, "base_model.model."):
		return PEFT
	case strings.HasPrefix(k.layer, "lora_"):
		return Kohya
	case strings.HasPrefix(k.layer, "blocks."):
		return DiffSynth
	case k.dialect != "":
		return k.dialect
	}
	return Diffusers
}
