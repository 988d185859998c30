package lora

import (
	"math"
	"strconv"
	"strings"

	"github.com/easel-go/easel/internal/fault"
)

// Blocks are weights of the parts of a UNet, which multiply an adapter's scale there:
//
//	"down", "mid", "up"     all levels of the way down, the middle, all of the way up
//	"down.1", "up.0"        one level
//	"up.1.2"                one layer of it: the ResNet and the attention of that number
//
// The most specific one counts; what is not named has weight 1. As in diffusers'
// set_adapters, weights reach only levels that have attention, and of the middle block
// the attention alone.
type Blocks map[string]float64

func (b Blocks) check() error {
	for key, v := range b {
		words := strings.Split(key, ".")
		ok := len(words) <= 3 && (words[0] == "down" || words[0] == "up" || key == "mid")
		for _, w := range words[1:] {
			_, err := strconv.ParseUint(w, 10, 16)
			ok = ok && err == nil
		}
		if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
			return fault.Newf(fault.Invalid, "lora", "block weight %q: %v, want a number for down, mid, up, down.1, up.1.2 and the like", key, v)
		}
	}
	return nil
}

// weight returns the weight of a group.
func (b Blocks) weight(group string) float64 {
	for group != "" {
		if w, ok := b[group]; ok {
			return w
		}
		group = group[:max(strings.LastIndexByte(group, '.'), 0)]
	}
	return 1
}

// group names the part of the UNet that a layer's weight depends on: "up.1.2", "mid",
// or "" where weights do not reach.
func (n *names) group(t *target) string {
	w := strings.Split(t.name, ".")
	if t.part != "unet" || len(w) < 5 {
		return ""
	}
	side, ok := strings.CutSuffix(w[0], "_blocks")
	switch {
	case ok && n.hasAttention(w[0]+"."+w[1]):
		return side + "." + w[1] + "." + w[3]
	case w[0] == "mid_block" && w[1] == "attentions":
		return "mid"
	}
	return ""
}

func (n *names) hasAttention(level string) bool {
	return n.dotted["unet."+level+".attentions.0.proj_in"] != nil
}
