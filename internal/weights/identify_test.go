package weights

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/fault"
)

// part returns the list that is nothing but the given network, if it is there.
func part(t *testing.T, p Part) *Source {
	t.Helper()
	for _, l := range shapeLists(t) {
		if c, err := Identify(l.source()); err == nil && len(c.Parts) == 1 && c.Parts[p] != nil {
			return c.Parts[p]
		}
	}
	t.Skipf("no list of a %s", p)
	return nil
}

// with returns s and more tensors, of one element each.
func with(s *Source, names ...string) *Source {
	d := s.renamed(func(n string) string { return n })
	for _, n := range names {
		d.add(n, entry{Info: Info{F32, []int{1}}, raw: make([]byte, 4)})
	}
	return d
}

// without returns s without one tensor.
func without(s *Source, name string) *Source {
	d := s.derived()
	for _, n := range s.names {
		if n != name {
			d.add(n, s.entries[n])
		}
	}
	return d
}

func prefixed(p string) func(string) string { return func(n string) string { return p + n } }

// TestGoldenIdentifyWrapped: a network is found below the prefixes that programs put
// it under, beside what they leave in the file.
func TestGoldenIdentifyWrapped(t *testing.T) {
	text, vae, glm, unet := part(t, TextEncoder), part(t, VAE), part(t, ChatGLM), part(t, UNet)
	text = without(text, "text_projection.weight") // single files of SD1 have none
	names, err := NewUNetNames(unet.names)
	if err != nil {
		t.Fatal(err)
	}
	ldm := func(n string) string { s, _ := names.Translate(n, Diffusers, LDM); return s }
	for what, c := range map[string]struct {
		src  *Source
		part Part
		want *Source
	}{
		"vae.":              {vae.renamed(prefixed("vae.")), VAE, vae},
		"training":          {with(vae, "loss.logvar", "model_ema.decay"), VAE, vae},
		"Lightning":         {with(vae.renamed(prefixed("state_dict.")), "optimizer.0"), VAE, vae},
		"transformer.":      {with(glm.renamed(prefixed("transformer.")), "transformer.rotary_pos_emb.inv_freq", "transformer.output_layer.weight"), ChatGLM, glm},
		"positions":         {with(text, "text_model.embeddings.position_ids"), TextEncoder, text},
		"without prefix":    {text.renamed(func(n string) string { return "cond_stage_model.transformer." + strings.TrimPrefix(n, "text_model.") }), TextEncoder, text},
		"LDM, UNet alone":   {unet.renamed(ldm), UNet, unet},
		"LDM, with buffers": {with(unet.renamed(func(n string) string { return "model.diffusion_model." + ldm(n) }), "betas", "denoiser.sigmas"), UNet, unet},
	} {
		got, err := Identify(c.src)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if len(got.Parts) != 1 || got.Parts[c.part] == nil || TypeHash(got.Parts[c.part]) != TypeHash(c.want) {
			t.Errorf("%s: another %s came out", what, c.part)
		}
	}
}

func TestGoldenIdentifyRefuses(t *testing.T) {
	unet, vae := part(t, UNet), part(t, VAE)
	sd2 := unet.derived()
	for _, n := range unet.names {
		e := unet.entries[n]
		if strings.HasSuffix(n, ".proj_in.weight") {
			e.Shape = e.Shape[:2]
		}
		if !strings.HasPrefix(n, "add_embedding") && !strings.HasPrefix(n, "encoder_hid_proj") {
			sd2.add(n, e)
		}
	}
	for what, c := range map[string]struct {
		src  *Source
		kind fault.Kind
	}{
		"nothing":  {newSource("x"), fault.Unsupported},
		"unknown":  {with(newSource("x"), "a", "b"), fault.Unsupported},
		"SD2":      {sd2, fault.Unsupported},
		"left":     {with(vae.renamed(prefixed("first_stage_model.")), "surplus"), fault.Invalid},
		"twice":    {with(vae.renamed(prefixed("first_stage_model.")), "vae."+vae.names[0]), fault.Invalid},
		"collides": {with(vae, strings.Replace(vae.names[slices.IndexFunc(vae.names, isToQ)], "to_q", "query", 1)), fault.Invalid},
	} {
		if _, err := Identify(c.src); !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, want %s", what, err, c.kind)
		}
	}
}

func isToQ(name string) bool { return strings.Contains(name, ".to_q.") }
