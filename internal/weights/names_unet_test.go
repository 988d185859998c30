package weights

import (
	"slices"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

// TestGoldenUNetNames: on the real UNets, each name translates into each dialect and
// back, and the layout read off a dialect's names is the one they were made from.
func TestGoldenUNetNames(t *testing.T) {
	dialects := []Dialect{Diffusers, LDM, DiffSynth}
	unets := 0
	for list, l := range shapeLists(t) {
		c, err := Identify(l.source())
		if err != nil || c.Parts[UNet] == nil {
			continue
		}
		unets++
		names := c.Parts[UNet].Names()
		u, err := NewUNetNames(names)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range dialects {
			translated := translate(t, u, names, Diffusers, d)
			slices.Sort(translated)
			if n := len(slices.Compact(slices.Clone(translated))); n != len(names) {
				t.Errorf("%s: %d names in %s, want %d", list, n, d, len(names))
			}
			again, err := NewUNetNames(translated)
			if err != nil || again.Dialect != d {
				t.Fatalf("%s: names in %s are taken for %v (%v)", list, d, again, err)
			}
			back := translate(t, again, translated, d, Diffusers)
			slices.Sort(back)
			golden.Equal(t, list+" there and back by "+string(d), back, slices.Sorted(slices.Values(names)))
		}
		checkSpelling(t, list, u, len(names))
		checkPublished(t, list, u, c.Parts[UNet])
	}
	if unets == 0 {
		t.Error("no UNet among the lists")
	}
}

func translate(t *testing.T, u *UNetNames, names []string, from, to Dialect) []string {
	t.Helper()
	var all []string
	for _, name := range names {
		s, ok := u.Translate(name, from, to)
		if !ok {
			t.Errorf("%s has no translation from %s to %s", name, from, to)
		}
		all = append(all, s)
	}
	return all
}

// checkSpelling compares numbers with those of the real models: the LDM names of
// SD1 and SDXL, the block numbers of DiffSynth's sd_unet.py and sdxl_unet.py.
func checkSpelling(t *testing.T, list string, u *UNetNames, tensors int) {
	t.Helper()
	sdxl := [][3]string{
		{"down_blocks.0.resnets.1.conv1", "input_blocks.2.0.in_layers.2", "blocks.2.conv1"},
		{"down_blocks.0.downsamplers.0.conv", "input_blocks.3.0.op", "blocks.4.conv"},
		{"down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q", "input_blocks.4.1.transformer_blocks.0.attn1.to_q", "blocks.7.transformer_blocks.0.attn1.to_q"},
		{"down_blocks.2.attentions.1.transformer_blocks.9.ff.net.0.proj", "input_blocks.8.1.transformer_blocks.9.ff.net.0.proj", "blocks.18.transformer_blocks.9.act_fn.proj"},
		{"mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0", "middle_block.1.transformer_blocks.0.attn2.to_out.0", "blocks.21.transformer_blocks.0.attn2.to_out"},
		{"up_blocks.0.attentions.2.transformer_blocks.0.ff.net.2", "output_blocks.2.1.transformer_blocks.0.ff.net.2", "blocks.31.transformer_blocks.0.ff"},
		{"up_blocks.0.upsamplers.0.conv", "output_blocks.2.2.conv", "blocks.32.conv"},
		{"up_blocks.2.resnets.2.conv_shortcut", "output_blocks.8.0.skip_connection", "blocks.48.conv_shortcut"},
		{"add_embedding.linear_2", "label_emb.0.2", "add_time_embedding.2"},
	}
	sd1 := [][3]string{
		{"down_blocks.0.attentions.0.proj_in", "input_blocks.1.1.proj_in", "blocks.1.proj_in"},
		{"down_blocks.2.downsamplers.0.conv", "input_blocks.9.0.op", "blocks.22.conv"},
		{"mid_block.resnets.1.time_emb_proj", "middle_block.2.emb_layers.1", "blocks.30.time_emb_proj"},
		{"up_blocks.0.upsamplers.0.conv", "output_blocks.2.1.conv", "blocks.37.conv"},
		{"up_blocks.1.attentions.0.norm", "output_blocks.3.1.norm", "blocks.40.norm"},
		{"up_blocks.3.attentions.2.proj_out", "output_blocks.11.1.proj_out", "blocks.66.proj_out"},
		{"conv_norm_out", "out.0", "conv_norm_out"},
	}
	rows := map[int][][3]string{686: sd1, 1680: sdxl, 1682: sdxl}[tensors]
	for _, row := range rows {
		for i, d := range []Dialect{Diffusers, LDM, DiffSynth} {
			if have, _ := u.Translate(row[0], Diffusers, d); have != row[i] {
				t.Errorf("%s: %s in %s is %s, want %s", list, row[0], d, have, row[i])
			}
		}
	}
}

// checkPublished compares the hash of the names in single files with the one that
// DiffSynth-Studio (diffsynth/configs/model_config.py) has for such a UNet alone.
func checkPublished(t *testing.T, list string, u *UNetNames, unet *Source) {
	t.Helper()
	want := map[int]string{686: "3926bf37", 1680: "298997b4"}[unet.Len()]
	ldm := unet.renamed(func(name string) string {
		s, _ := u.Translate(name, Diffusers, LDM)
		return "model.diffusion_model." + s
	})
	if have := TypeHash(ldm); !strings.HasPrefix(have, want) {
		t.Errorf("%s: hash %s in LDM's names, want %s…", list, have, want)
	}
}

// TestIdentifyDiffSynth: a UNet under DiffSynth's names is renamed whole.
func TestIdentifyDiffSynth(t *testing.T) {
	for list, l := range shapeLists(t) {
		c, err := Identify(l.source())
		if err != nil || c.Parts[UNet] == nil {
			continue
		}
		unet := c.Parts[UNet]
		u, err := NewUNetNames(unet.names)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []Dialect{DiffSynth, LDM} {
			foreign := unet.renamed(func(n string) string { s, _ := u.Translate(n, Diffusers, d); return s })
			again, err := Identify(foreign)
			if err != nil {
				t.Fatalf("%s: %v", list, err)
			}
			if again.Family != c.Family || TypeHash(again.Parts[UNet]) != TypeHash(unet) {
				t.Errorf("%s: %s, renamed from %s, differs", list, again.Family, d)
			}
		}
	}
}

func TestUNetNamesUnknown(t *testing.T) {
	if _, err := NewUNetNames([]string{"encoder.x"}); err == nil {
		t.Error("no error for names of no UNet")
	}
	u, err := NewUNetNames([]string{"down_blocks.0.resnets.0.norm1.weight"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "x", "down_blocks.7.resnets.0.norm1", "down_blocks", "..."} {
		if s, ok := u.Translate(name, Diffusers, LDM); ok {
			t.Errorf("%q became %q", name, s)
		}
	}
}
