package lora

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/nn"
	"github.com/easel-go/easel/internal/weights"
)

// target is a layer of a model that an adapter can change.
type target struct {
	part string // unet, text_encoder or text_encoder_2
	name string // within the part, diffusers' spelling

	linear *nn.Linear // one of the two
	conv   *nn.Conv2D
}

func (t *target) String() string { return t.part + "." + t.name }

func (t *target) weight() *nn.Param {
	if t.linear != nil {
		return t.linear.Weight
	}
	return t.conv.Weight
}

// bias returns where the layer keeps its bias.
func (t *target) bias() **nn.Param {
	if t.linear != nil {
		return &t.linear.Bias
	}
	return &t.conv.Bias
}

func (t *target) setWeight(p *nn.Param) {
	if t.linear != nil {
		t.linear.Weight = p
	} else {
		t.conv.Weight = p
	}
}

func (t *target) deltas() *[]*nn.Delta {
	if t.linear != nil {
		return &t.linear.Deltas
	}
	return &t.conv.Deltas
}

// parts are the networks that an adapter can change.
var parts = []string{"unet", "text_encoder", "text_encoder_2"}

// names finds the layers of a model by the names that adapters call them by.
type names struct {
	all    []*target          // in diffusers' order of modules
	dotted map[string]*target // part.name
	flat   map[string]*target // kohya's: lora_unet_down_blocks_1_…
	unet   *weights.UNetNames
}

// namesOf lists the layers of a model.
func namesOf(b *model.Bundle) (*names, error) {
	n := &names{dotted: map[string]*target{}, flat: map[string]*target{}}
	if b.UNet != nil {
		var params []string
		for name := range nn.Walk[*nn.Param](b.UNet) {
			params = append(params, name)
		}
		var err error
		if n.unet, err = weights.NewUNetNames(params); err != nil {
			return nil, err
		}
		n.addPart("unet", b.UNet, "lora_unet_")
	}
	for i, te := range b.Text {
		part := parts[min(i+1, 2)]
		prefixes := []string{"lora_te_", "lora_te1_"}
		if i == 1 {
			prefixes = []string{"lora_te2_"}
		}
		if te.CLIP != nil {
			n.addPart(part, te.CLIP, prefixes...)
		} else {
			n.addPart(part, te.GLM, prefixes...)
		}
	}
	return n, nil
}

func (n *names) addPart(part string, root any, kohya ...string) {
	for name, l := range nn.Walk[any](root) {
		t := &target{part: part, name: name}
		switch l := l.(type) {
		case *nn.Linear:
			t.linear = l
		case *nn.Conv2D:
			t.conv = l
		default:
			continue
		}
		n.all = append(n.all, t)
		n.dotted[t.String()] = t
		spellings := []string{name}
		if part == "unet" {
			if ldm, ok := n.unet.Translate(name, weights.Diffusers, weights.LDM); ok {
				spellings = append(spellings, ldm)
			}
		}
		for _, prefix := range kohya {
			for _, s := range spellings {
				n.flat[prefix+strings.ReplaceAll(s, ".", "_")] = t
			}
		}
	}
}

// find returns the layer that an adapter calls name; nil if the model has none.
func (n *names) find(name string) *target {
	if t := n.flat[name]; t != nil {
		return t
	}
	name = strings.TrimPrefix(name, "base_model.model.")
	for prefix, from := range map[string]weights.Dialect{"diffusion_model.": weights.LDM, "blocks.": weights.DiffSynth} {
		if strings.HasPrefix(name, prefix) && n.unet != nil {
			if s, ok := n.unet.Translate(strings.TrimPrefix(name, "diffusion_model."), from, weights.Diffusers); ok {
				return n.dotted["unet."+s]
			}
		}
	}
	for _, part := range []string{"", "unet.", "text_encoder.", "text_encoder_2."} {
		if t := n.dotted[part+name]; t != nil {
			return t
		}
	}
	return nil
}

// resolve finds the layer of every change. Those that are not there are listed.
func (n *names) resolve(a *Adapter) (targets []*target, absent []string, err error) {
	numbered, err := n.numbered(a)
	if err != nil {
		return nil, nil, err
	}
	seen := map[*target]string{}
	for _, l := range a.layers {
		t := n.find(l.name)
		if numbered != nil {
			t = numbered[l.name]
		}
		if t == nil {
			absent = append(absent, l.name)
		} else if seen[t] != "" {
			return nil, nil, &fault.Error{Kind: fault.Invalid, Op: "lora", Where: a.path, What: t.String(), Have: "is changed twice, as " + seen[t] + " and as " + l.name, Want: "once"}
		} else {
			seen[t] = l.name
		}
		targets = append(targets, t)
	}
	return targets, absent, nil
}

// numbered maps the running numbers of cloneofsimo's files (lora_diffusion 0.1) onto the
// layers of SD 1.x. nil for adapters of other dialects.
func (n *names) numbered(a *Adapter) (map[string]*target, error) {
	if a.dialect != Cloneofsimo {
		return nil, nil
	}
	found := map[string]*target{}
	for _, part := range []string{"unet", "text_encoder"} {
		mine := map[int]*layer{}
		for _, l := range a.layers {
			if number, ok := strings.CutPrefix(l.name, part+":"); ok {
				i, _ := strconv.Atoi(number)
				mine[i] = l
			}
		}
		order := n.order(part, mine)
		if len(mine) > 0 && order == nil {
			return nil, &fault.Error{Kind: fault.Unsupported, Op: "lora", Where: a.path, What: part, Have: fmt.Sprintf("%d numbered layers", len(mine)),
				Want: "as many, of the same sizes, as the attention layers of SD 1.x: the file has no names"}
		}
		for i, l := range mine {
			found[l.name] = order[i]
		}
	}
	return found, nil
}

// orders are the places in a block of attention whose linear layers are numbered, one
// after the other: CrossAttention and GEGLU in the order of diffusers 0.11, which had the
// feed-forward layer between the attentions, and in today's; and CrossAttention alone.
var orders = map[string][][]string{
	"unet":         {{".attn1.", ".ff.net.0.", ".attn2."}, {".attn1.", ".attn2.", ".ff.net.0."}, {".attn1.", ".attn2."}},
	"text_encoder": {{".self_attn."}},
}

// order lists the layers of a part in the order of the numbers: the first order in which
// there are as many and all sizes fit; nil if there is none.
func (n *names) order(part string, mine map[int]*layer) []*target {
	for _, places := range orders[part] {
		order := n.inPlaces(part, places)
		fits := len(order) == len(mine)
		for i, t := range order {
			fits = fits && mine[i] != nil && mine[i].fits(t.weight().Shape) == nil
		}
		if fits {
			return order
		}
	}
	return nil
}

// inPlaces lists the layers at some places of all blocks, block by block.
func (n *names) inPlaces(part string, places []string) (order []*target) {
	var blocks []string
	inside := map[string][]*target{} // block + place
	for _, t := range n.all {
		for _, p := range places {
			if block, _, ok := strings.Cut(t.name, p); ok && t.part == part {
				if !slices.Contains(blocks, block) {
					blocks = append(blocks, block)
				}
				inside[block+p] = append(inside[block+p], t)
			}
		}
	}
	for _, b := range blocks {
		for _, p := range places {
			order = append(order, inside[b+p]...)
		}
	}
	return order
}

func sorted(s []string) []string { slices.Sort(s); return s }
