package weights

import (
	"slices"
	"strconv"
	"strings"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/nn"
)

// UNetNames translates between the ways of naming one UNet's modules. LDM and
// DiffSynth number blocks in the order of the forward pass, so their names depend on
// how many layers the UNet has, and which have attention; that is read off the names
// it is made from.
//
// The rules: diffusers/loaders/single_file_utils.py (LDM),
// diffsynth/models/sd_unet.py and sdxl_unet.py (DiffSynth).
type UNetNames struct {
	Dialect Dialect // of the names it was made from
	units   []unit
	index   map[Dialect]map[string]int // prefix → unit
}

// unit is a part of the UNet that every dialect has under one prefix.
type unit struct {
	kind   unitKind
	prefix map[Dialect]string
}

type unitKind int

const (
	plain unitKind = iota // one layer, named by its prefix alone
	resnet
	attention
	downsampler
	upsampler
)

// NewUNetNames reads the layout of a UNet off the names of its tensors or modules,
// in any dialect.
func NewUNetNames(names []string) (*UNetNames, error) {
	has := make(map[string]bool, 4*len(names))
	for _, name := range names {
		for end := range prefixEnds(name) {
			has[name[:end]] = true
		}
	}
	u := &UNetNames{}
	var down, up []block
	switch {
	case has["input_blocks"]:
		u.Dialect = LDM
		down, up = ldmBlocks(has)
	case has["down_blocks"]:
		u.Dialect = Diffusers
		down, up = diffusersBlocks(has, "down_blocks", "downsamplers"), diffusersBlocks(has, "up_blocks", "upsamplers")
	case has["blocks"]:
		u.Dialect = DiffSynth
		down, up = diffsynthBlocks(has)
	default:
		return nil, &fault.Error{Kind: fault.Unsupported, Op: "weights", What: "UNet", Have: "of names " + list(names), Want: "those of diffusers, LDM or DiffSynth"}
	}
	u.build(down, up)
	return u, nil
}

// Translate gives a tensor's or module's name in another dialect; false if the UNet
// has no such module.
func (u *UNetNames) Translate(name string, from, to Dialect) (string, bool) {
	best := -1
	for end := range prefixEnds(name) {
		if _, ok := u.index[from][name[:end]]; ok {
			best = end
		}
	}
	if best < 0 {
		return "", false
	}
	unit := u.units[u.index[from][name[:best]]]
	inner := strings.TrimPrefix(name[best:], ".")
	for _, r := range inside[unit.kind] {
		if s, ok := replaceWords(inner, r[from], r[to]); ok {
			inner = s
			break
		}
	}
	return nn.Join(unit.prefix[to], inner), true
}

// inside are the names within a unit that differ between dialects.
var inside = map[unitKind][]map[Dialect]string{
	resnet: {
		{Diffusers: "norm1", LDM: "in_layers.0", DiffSynth: "norm1"},
		{Diffusers: "conv1", LDM: "in_layers.2", DiffSynth: "conv1"},
		{Diffusers: "time_emb_proj", LDM: "emb_layers.1", DiffSynth: "time_emb_proj"},
		{Diffusers: "norm2", LDM: "out_layers.0", DiffSynth: "norm2"},
		{Diffusers: "conv2", LDM: "out_layers.3", DiffSynth: "conv2"},
		{Diffusers: "conv_shortcut", LDM: "skip_connection", DiffSynth: "conv_shortcut"},
	},
	attention: {
		{Diffusers: "ff.net.0.proj", LDM: "ff.net.0.proj", DiffSynth: "act_fn.proj"},
		{Diffusers: "ff.net.2", LDM: "ff.net.2", DiffSynth: "ff"},
		{Diffusers: "to_out.0", LDM: "to_out.0", DiffSynth: "to_out"},
	},
	downsampler: {{Diffusers: "conv", LDM: "op", DiffSynth: "conv"}},
	upsampler:   {{Diffusers: "conv", LDM: "conv", DiffSynth: "conv"}},
}

// block is a level of the UNet: resnets, one attention after each or none, and
// what changes the resolution after them.
type block struct {
	resnets    int
	attentions bool
	sampler    bool
}

// build numbers the units of a layout in the order of the forward pass.
func (u *UNetNames) build(down, up []block) {
	for _, p := range [][3]string{
		{"conv_in", "input_blocks.0.0", "conv_in"},
		{"time_embedding.linear_1", "time_embed.0", "time_embedding.0"},
		{"time_embedding.linear_2", "time_embed.2", "time_embedding.2"},
		{"add_embedding.linear_1", "label_emb.0.0", "add_time_embedding.0"},
		{"add_embedding.linear_2", "label_emb.0.2", "add_time_embedding.2"},
		{"encoder_hid_proj", "encoder_hid_proj", "text_intermediate_proj"},
		{"conv_norm_out", "out.0", "conv_norm_out"},
		{"conv_out", "out.2", "conv_out"},
	} {
		u.add(plain, p[0], p[1], p[2])
	}
	synth := u.buildDown(down)
	for i, kind := range []unitKind{resnet, attention, resnet} {
		u.add(kind, []string{"mid_block.resnets.0", "mid_block.attentions.0", "mid_block.resnets.1"}[i], dotted("middle_block", i), dotted("blocks", synth+i))
	}
	u.buildUp(up, synth+3)
	u.index = map[Dialect]map[string]int{Diffusers: {}, LDM: {}, DiffSynth: {}}
	for i, unit := range u.units {
		for d, prefix := range unit.prefix {
			u.index[d][prefix] = i
		}
	}
}

// buildDown adds the way down and returns how many of DiffSynth's blocks it takes:
// each resnet, attention and downsampler is one, and so is each push of a skip.
func (u *UNetNames) buildDown(down []block) int {
	ldm, synth := 1, 0
	for i, b := range down {
		at := dotted("down_blocks", i)
		for j := range b.resnets {
			u.add(resnet, at+dotted(".resnets", j), dotted("input_blocks", ldm, 0), dotted("blocks", synth))
			synth++
			if b.attentions {
				u.add(attention, at+dotted(".attentions", j), dotted("input_blocks", ldm, 1), dotted("blocks", synth))
				synth++
			}
			ldm++
			synth++
		}
		if b.sampler {
			u.add(downsampler, at+".downsamplers.0", dotted("input_blocks", ldm, 0), dotted("blocks", synth))
			ldm++
			synth += 2
		}
	}
	return synth
}

// buildUp adds the way up, whose resnets each pop a skip first. In LDM an upsampler
// shares the number of the resnet before it.
func (u *UNetNames) buildUp(up []block, synth int) {
	ldm := 0
	for i, b := range up {
		at := dotted("up_blocks", i)
		for j := range b.resnets {
			synth++
			u.add(resnet, at+dotted(".resnets", j), dotted("output_blocks", ldm, 0), dotted("blocks", synth))
			synth++
			if b.attentions {
				u.add(attention, at+dotted(".attentions", j), dotted("output_blocks", ldm, 1), dotted("blocks", synth))
				synth++
			}
			ldm++
		}
		if b.sampler {
			second := 1
			if b.attentions {
				second = 2
			}
			u.add(upsampler, at+".upsamplers.0", dotted("output_blocks", ldm-1, second), dotted("blocks", synth))
			synth++
		}
	}
}

func (u *UNetNames) add(kind unitKind, diffusers, ldm, diffsynth string) {
	u.units = append(u.units, unit{kind, map[Dialect]string{Diffusers: diffusers, LDM: ldm, DiffSynth: diffsynth}})
}

func diffusersBlocks(has map[string]bool, blocks, sampler string) []block {
	var all []block
	for i := 0; has[dotted(blocks, i)]; i++ {
		at := dotted(blocks, i)
		b := block{attentions: has[at+".attentions"], sampler: has[at+"."+sampler]}
		for has[at+dotted(".resnets", b.resnets)] {
			b.resnets++
		}
		all = append(all, b)
	}
	return all
}

func ldmBlocks(has map[string]bool) (down, up []block) {
	b := block{}
	for n := 1; has[dotted("input_blocks", n)]; n++ {
		at := dotted("input_blocks", n)
		if has[at+".0.op"] {
			b.sampler = true
			down, b = append(down, b), block{}
			continue
		}
		b.resnets++
		b.attentions = b.attentions || has[at+".1"]
	}
	down, b = append(down, b), block{}
	for n := 0; has[dotted("output_blocks", n)]; n++ {
		at := dotted("output_blocks", n)
		b.resnets++
		b.attentions = b.attentions || has[at+".1.transformer_blocks"]
		if has[at+".1.conv"] || has[at+".2.conv"] {
			b.sampler = true
			up, b = append(up, b), block{}
		}
	}
	return down, append(up, b)
}

// diffsynthBlocks finds the middle first: a resnet, an attention and a resnet with
// nothing between them, where on the way down and up a push or pop stands.
func diffsynthBlocks(has map[string]bool) (down, up []block) {
	var kinds []unitKind // by number; plain is a push or pop
	for n := 0; ; n++ {
		at := dotted("blocks", n)
		switch {
		case has[at+".norm1"]:
			kinds = append(kinds, resnet)
		case has[at+".transformer_blocks"]:
			kinds = append(kinds, attention)
		case has[at+".conv"]:
			kinds = append(kinds, upsampler)
		case has[dotted("blocks", n+1)]:
			kinds = append(kinds, plain)
		default:
			mid := slices.Index(kinds, plain)
			for i := range max(0, len(kinds)-2) {
				if kinds[i] == resnet && kinds[i+1] == attention && kinds[i+2] == resnet {
					mid = i
					break
				}
			}
			return levels(kinds[:max(mid, 0)]), levels(kinds[min(len(kinds), max(mid, 0)+3):])
		}
	}
}

// levels cuts a way down or up after each change of resolution.
func levels(kinds []unitKind) []block {
	var all []block
	b := block{}
	for _, k := range kinds {
		switch k {
		case resnet:
			b.resnets++
		case attention:
			b.attentions = true
		case upsampler:
			b.sampler = true
			all, b = append(all, b), block{}
		}
	}
	return append(all, b)
}

// dotted joins a name and numbers: dotted("blocks", 3, 0) is "blocks.3.0".
func dotted(name string, numbers ...int) string {
	for _, n := range numbers {
		name += "." + strconv.Itoa(n)
	}
	return name
}

// prefixEnds yields the length of each prefix of name that ends with a word.
func prefixEnds(name string) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := range name {
			if name[i] == '.' && !yield(i) {
				return
			}
		}
		yield(len(name))
	}
}

// replaceWords replaces the words old, where they stand in name between dots.
func replaceWords(name, old, new string) (string, bool) {
	at := strings.Index("."+name+".", "."+old+".")
	if at < 0 {
		return name, false
	}
	return name[:at] + new + name[at+len(old):], true
}
