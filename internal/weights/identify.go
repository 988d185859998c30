package weights

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/easel-go/easel/internal/fault"
)

// Part is a network that a checkpoint can hold. The names are those of the folders
// of a pipeline where it has one.
type Part string

// The parts. A file of its own with a CLIP text encoder is a TextEncoder, whichever
// of a pipeline's two it is; TextEncoder2 appears beside another in a single file.
const (
	UNet         Part = "unet"
	VAE          Part = "vae"
	TextEncoder  Part = "text_encoder"   // CLIPTextModel, with text_projection or without
	TextEncoder2 Part = "text_encoder_2" // SDXL's second
	ChatGLM      Part = "chatglm"        // Kolors' text encoder
	CLIP         Part = "clip"           // CLIPModel: both towers
	CLIPVision   Part = "clip_vision"    // CLIPVisionModelWithProjection
)

// Family is a line of models; it follows from the UNet.
type Family string

// The families.
const (
	SD1    Family = "sd1"    // Stable Diffusion 1.x
	SDXL   Family = "sdxl"   // Stable Diffusion XL
	Kolors Family = "kolors" // Kolors
)

// Dialect is a way of naming a UNet's tensors.
type Dialect string

// The dialects.
const (
	Diffusers Dialect = "diffusers" // down_blocks.0.resnets.0.norm1
	LDM       Dialect = "ldm"       // input_blocks.1.0.in_layers.0; also of SGM (SDXL)
	DiffSynth Dialect = "diffsynth" // blocks.0.norm1
)

// Checkpoint is what a file turned out to be: its networks, each under diffusers'
// names.
type Checkpoint struct {
	Family  Family           // "" without a UNet
	Hash    string           // TypeHash of the file
	Parts   map[Part]*Source // over the files of the Source it was made from
	Dropped []string         // tensors that no network needs: buffers, averages, positions
}

// Identify finds out from names and shapes which networks src holds and under whose
// names, and renames them to diffusers': single files in the names of CompVis (SD1)
// and SGM (SDXL), parts in those or DiffSynth's, CLIP in OpenAI's and OpenCLIP's,
// VAEs with the attention names of 2022, Lightning's {"state_dict": …}. Fused and
// transposed tensors are put into diffusers' form; nothing is read before it is asked
// for.
//
// Errors are Unsupported for a file of no known network, and Invalid when tensors
// are left over.
func Identify(src *Source) (*Checkpoint, error) {
	c := &Checkpoint{Hash: TypeHash(src), Parts: map[Part]*Source{}}
	groups, left := c.split(src)
	for _, part := range slices.Sorted(maps.Keys(groups)) {
		renamed, unknown := rename(part, groups[part])
		c.Parts[part] = renamed
		left = append(left, unknown...)
	}
	if len(c.Parts) == 0 {
		return nil, src.fault(fault.Unsupported, "tensors", list(src.names), "those of a UNet, VAE, CLIP or ChatGLM")
	}
	if len(left) > 0 {
		return nil, src.fault(fault.Invalid, fmt.Sprintf("%d tensors", len(left)), "of no known network: "+list(left), "none")
	}
	var err error
	if unet := c.Parts[UNet]; unet != nil {
		c.Family, err = family(unet)
	}
	return c, err
}

// TypeHash returns the MD5 by which DiffSynth-Studio tells types of model apart: of
// all names and all "name:shape" strings, sorted and joined by commas
// (diffsynth/models/model_manager.py). Equal hashes mean equal names and shapes.
func TypeHash(src *Source) string {
	keys := make([]string, 0, 2*len(src.names))
	for _, name := range src.names {
		dims := make([]string, len(src.entries[name].Shape))
		for i, n := range src.entries[name].Shape {
			dims[i] = strconv.Itoa(n)
		}
		keys = append(keys, name, name+":"+strings.Join(dims, "_"))
	}
	slices.Sort(keys)
	sum := md5.Sum([]byte(strings.Join(keys, ",")))
	return hex.EncodeToString(sum[:])
}

// place is where a network's tensors are found: below a prefix, or by one of them.
type place struct {
	name string
	part Part
}

// prefixes are where single files keep their networks.
var prefixes = []place{
	{"model.diffusion_model.", UNet},
	{"first_stage_model.", VAE},
	{"vae.", VAE},
	{"cond_stage_model.transformer.", TextEncoder},
	{"conditioner.embedders.0.transformer.", TextEncoder},
	{"conditioner.embedders.1.model.", TextEncoder2},
}

// unneeded are tensors that files carry and networks do without: by their whole
// name, by its beginning (ending in "."), or by its end (beginning with ".").
var unneeded = []string{
	"alphas_cumprod", "alphas_cumprod_prev", "betas", "log_one_minus_alphas_cumprod", "logvar", "lvlb_weights",
	"posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2", "posterior_variance", "scale_factor",
	"sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod",
	"model_ema.", "denoiser.", "loss.", "first_stage_model.loss.", "embedding_manager.",
	".embeddings.position_ids", "embeddings.position_ids", ".rotary_pos_emb.inv_freq", "rotary_pos_emb.inv_freq",
	"conditioner.embedders.1.model.logit_scale", "cond_stage_model.logit_scale", "cond_stage_model.text_projection",
	"cond_stage_model.transformer.text_projection.weight", "conditioner.embedders.0.transformer.text_projection.weight",
	"input_resolution", "context_length", "vocab_size", // OpenAI's CLIP
	"transformer.output_layer.weight", "output_layer.weight", // ChatGLM's head: what it would say next
}

func isUnneeded(name string) bool {
	return slices.ContainsFunc(unneeded, func(u string) bool {
		switch {
		case strings.HasSuffix(u, "."):
			return strings.HasPrefix(name, u)
		case strings.HasPrefix(u, "."):
			return strings.HasSuffix(name, u)
		}
		return name == u
	})
}

// split sorts the tensors by network, under names without prefixes. left are those
// beside a single file's networks.
func (c *Checkpoint) split(src *Source) (groups map[Part]*Source, left []string) {
	groups = map[Part]*Source{}
	bare := src.derived()
	const wrapper = "state_dict."
	wrapped := slices.ContainsFunc(src.names, func(n string) bool { return strings.HasPrefix(n, wrapper) })
	for _, full := range src.names {
		name, inside := strings.CutPrefix(full, wrapper)
		if wrapped && !inside || isUnneeded(name) {
			c.Dropped = append(c.Dropped, full)
			continue
		}
		i := slices.IndexFunc(prefixes, func(p place) bool { return strings.HasPrefix(name, p.name) })
		if i < 0 {
			bare.add(name, src.entries[full])
			continue
		}
		p := prefixes[i]
		if groups[p.part] == nil {
			groups[p.part] = src.derived()
		}
		if !groups[p.part].add(name[len(p.name):], src.entries[full]) {
			left = append(left, full) // below a second prefix of the same network
		}
	}
	if len(groups) > 0 {
		return groups, append(left, bare.names...)
	}
	if part, network := bare.network(); network != nil {
		groups[part] = network
	}
	return groups, nil
}

// marks are tensors that only one kind of network has, in each of its dialects.
var marks = []place{
	{"time_embedding.linear_1.weight", UNet},
	{"time_embed.0.weight", UNet},
	{"time_embedding.0.weight", UNet},
	{"decoder.conv_in.weight", VAE},
	{"encoder.conv_in.weight", VAE},
	{"vision_model.embeddings.class_embedding", CLIPVision},
	{"text_model.embeddings.token_embedding.weight", TextEncoder},
	{"visual.class_embedding", CLIP},
	{"token_embedding.weight", TextEncoder},
	{"embedding.word_embeddings.weight", ChatGLM},
}

// network tells which network a Source without prefixes is.
func (s *Source) network() (Part, *Source) {
	if s.Has("transformer.embedding.word_embeddings.weight") {
		s = s.renamed(func(name string) string { return strings.TrimPrefix(name, "transformer.") })
	}
	if s.Has("vision_model.embeddings.class_embedding") && s.Has("text_model.embeddings.token_embedding.weight") {
		return CLIP, s
	}
	for _, m := range marks {
		if s.Has(m.name) {
			return m.part, s
		}
	}
	return "", nil
}

// renamed returns the same tensors under other names; one whose name is taken keeps
// its own.
func (s *Source) renamed(name func(string) string) *Source {
	d := s.derived()
	for _, n := range s.names {
		if e := s.entries[n]; !d.add(name(n), e) {
			d.add(n, e)
		}
	}
	return d
}

// rename puts one network's tensors under diffusers' names. unknown are those its
// dialect does not have.
func rename(part Part, s *Source) (renamed *Source, unknown []string) {
	f := renamer(part, s)
	renamed = s.derived()
	for _, name := range s.names {
		to := f(name, s.entries[name])
		for _, t := range to {
			if !renamed.add(t.name, t.entry) {
				to = nil
			}
		}
		if len(to) == 0 {
			unknown = append(unknown, name)
		}
	}
	return renamed, unknown
}

// renamer says what becomes of each tensor of a network: one or more, or none if the
// network's dialect has no such name.
func renamer(part Part, s *Source) func(string, entry) []tensorOf {
	switch {
	case part == UNet:
		return renameUNet(s)
	case part == VAE:
		return renameVAE(s)
	case s.Has("token_embedding.weight"):
		return renameOpenCLIP
	case s.Has("embeddings.token_embedding.weight"): // some merges of SD1 lost the prefix
		return func(name string, e entry) []tensorOf { return []tensorOf{{"text_model." + name, e}} }
	}
	return same
}

func same(name string, e entry) []tensorOf { return []tensorOf{{name, e}} }

// tensorOf is a tensor and its name.
type tensorOf struct {
	name string
	entry
}

// family tells the line of models that a UNet in diffusers' names belongs to.
func family(unet *Source) (Family, error) {
	switch {
	case unet.Has("encoder_hid_proj.weight"):
		return Kolors, nil
	case unet.Has("add_embedding.linear_1.weight"):
		return SDXL, nil
	}
	for _, name := range unet.names {
		if strings.HasSuffix(name, ".proj_in.weight") && len(unet.entries[name].Shape) == 2 {
			return "", unet.fault(fault.Unsupported, "UNet", "of Stable Diffusion 2", "of SD1, SDXL or Kolors")
		}
	}
	return SD1, nil
}

// list shows the first few names.
func list(names []string) string {
	const show = 3
	s := strings.Join(names[:min(show, len(names))], ", ")
	if len(names) > show {
		s += ", …"
	}
	return s
}

// Part returns one of the networks. Its absence is an error of kind Invalid from op,
// which tells what there is instead; title is what was wanted, in words.
func (c *Checkpoint) Part(p Part, op, where, title string) (*Source, error) {
	if s := c.Parts[p]; s != nil {
		return s, nil
	}
	var have []string
	for _, name := range slices.Sorted(maps.Keys(c.Parts)) {
		have = append(have, string(name))
	}
	return nil, &fault.Error{Kind: fault.Invalid, Op: op, Where: where, What: "weights", Have: "of " + strings.Join(have, ", "), Want: title}
}
