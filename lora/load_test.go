package lora

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/weights"
)

// saveTensors writes float32 tensors of ones.
func saveTensors(t testing.TB, shapes map[string][]int) string {
	t.Helper()
	m := map[string]*tensor.Dense{}
	for name, s := range shapes {
		n := tensor.Shape(s).TotalSize()
		v := make([]float32, n)
		for i := range v {
			v[i] = 1
		}
		m[name] = dense(s, v)
	}
	path := filepath.Join(t.TempDir(), "a.safetensors")
	if err := weights.SaveSafetensors(path, m, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestParseKey(t *testing.T) {
	for name, want := range map[string]key{
		"unet.a.to_q.lora_A.weight":                                   {"unet.a.to_q", down, Diffusers},
		"blocks.7.to_q.lora_B.default.weight":                         {"blocks.7.to_q", up, Diffusers},
		"unet.a.attn1.processor.to_out_lora.up.weight":                {"unet.a.attn1.to_out.0", up, OldDiffusers},
		"text_encoder.l.self_attn.to_v_lora.down.weight":              {"text_encoder.l.self_attn.v_proj", down, OldDiffusers},
		"text_encoder.l.self_attn.q_proj.lora_linear_layer.up.weight": {"text_encoder.l.self_attn.q_proj", up, OldDiffusers},
		"lora_unet_x.lokr_w1_a":                                       {"lora_unet_x", lokr1a, ""},
		"lora_unet_x.alpha":                                           {"lora_unet_x", alpha, ""},
		"unet:3:down":                                                 {"unet:3", down, Cloneofsimo},
	} {
		if have, ok := parseKey(name); !ok || have != want {
			t.Errorf("%s is %v, want %v", name, have, want)
		}
	}
	for _, name := range []string{"conv_in.weight", "a.lora_C.weight", "a.lora_A.bias", ".alpha", "unet:x:down", "a.b.c.lora_A.x.y.weight.z", ""} {
		if have, ok := parseKey(name); ok {
			t.Errorf("%s is %v, want nothing", name, have)
		}
	}
}

// TestNumbered maps the 144, or 128, numbers of cloneofsimo's files onto SD 1.x. The
// network here has the published layout without its weights.
func TestNumbered(t *testing.T) {
	b, err := model.Layout(weights.SD1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := namesOf(b)
	if err != nil {
		t.Fatal(err)
	}
	const block = "down_blocks.0.attentions.0.transformer_blocks.0"
	for name, c := range map[string]struct {
		places []string
		want   map[int]string
	}{
		"early": {[]string{".attn1.", ".ff.net.0.", ".attn2."}, map[int]string{0: ".attn1.to_q", 4: ".ff.net.0.proj", 5: ".attn2.to_q", 8: ".attn2.to_out.0"}},
		"late":  {[]string{".attn1.", ".attn2.", ".ff.net.0."}, map[int]string{0: ".attn1.to_q", 4: ".attn2.to_q", 8: ".ff.net.0.proj"}},
		"alone": {[]string{".attn1.", ".attn2."}, map[int]string{3: ".attn1.to_out.0", 4: ".attn2.to_q", 6: ".attn2.to_v"}},
	} {
		a := &Adapter{dialect: Cloneofsimo}
		for i, t := range n.inPlaces("unet", c.places) {
			s := t.weight().Shape
			a.layers = append(a.layers, &layer{name: fmt.Sprintf("unet:%d", i), rank: 1, parts: map[role]*tensor.Dense{
				down: dense([]int{1, s[1]}, make([]float32, s[1])), up: dense([]int{s[0], 1}, make([]float32, s[0])),
			}})
		}
		found, err := n.numbered(a)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for at, want := range c.want {
			if have := found[fmt.Sprintf("unet:%d", at)]; have == nil || have.name != block+want {
				t.Errorf("%s: number %d is %v, want %s", name, at, have, block+want)
			}
		}
	}
	a := &Adapter{dialect: Cloneofsimo, layers: []*layer{{name: "unet:0", parts: map[role]*tensor.Dense{down: dense([]int{1, 320}, make([]float32, 320)), up: dense([]int{320, 1}, make([]float32, 320))}}}}
	if _, err := n.numbered(a); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("one layer: %v, want Unsupported", err)
	}
}

// TestLoadRefuses reads files that are no adapters, each with the kind of its error.
func TestLoadRefuses(t *testing.T) {
	pair := map[string][]int{"unet.a.lora_A.weight": {2, 4}, "unet.a.lora_B.weight": {4, 2}}
	with := func(more map[string][]int) map[string][]int {
		for k, v := range pair {
			if _, ok := more[k]; !ok {
				more[k] = v
			}
		}
		return more
	}
	for name, c := range map[string]struct {
		shapes map[string][]int
		kind   fault.Kind
	}{
		"no key of ours": {map[string][]int{"conv_in.weight": {2, 2}}, fault.Invalid},
		"another key":    {with(map[string][]int{"x.weight": {2, 2}}), fault.Invalid},
		"half a pair":    {map[string][]int{"unet.a.lora_A.weight": {2, 4}}, fault.Missing},
		"two ranks":      {with(map[string][]int{"unet.a.lora_B.weight": {4, 3}}), fault.Shape},
		"a long alpha":   {with(map[string][]int{"unet.a.alpha": {2}}), fault.Shape},
		"half of LoHa":   {map[string][]int{"lora_unet_a.hada_w1_a": {4, 2}, "lora_unet_a.hada_w1_b": {2, 4}}, fault.Missing},
		"a vector":       {map[string][]int{"unet.a.lora_A.weight": {4}, "unet.a.lora_B.weight": {4}}, fault.Shape},
	} {
		if _, err := Load(saveTensors(t, c.shapes)); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want %s", name, err, c.kind)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, Missing) {
		t.Errorf("no file: %v, want Missing", err)
	}
	if _, err := Load(t.TempDir()); !errors.Is(err, Missing) {
		t.Errorf("an empty folder: %v, want Missing", err)
	}
	a, err := Load(saveTensors(t, with(map[string][]int{"x.weight": {2, 2}})), SkipUnknown())
	if err != nil || len(a.Info().Skipped) != 1 {
		t.Errorf("SkipUnknown: %v", err)
	}
}

// TestPartial injects an adapter of which one layer is not in the model.
func TestPartial(t *testing.T) {
	dir := golden.Part(t, "lora")
	rejected := filepath.Join(dir, "rejected")
	found := false
	for name, r := range golden.JSON[map[string]rejection](t, dir+"/rejected.json") {
		a, err := Load(filepath.Join(rejected, name+".safetensors"))
		if err != nil {
			continue
		}
		b := openModel(t, dir, r.Model, "")
		if _, err := inject(b, a); fault.KindOf(err) != fault.Missing {
			continue
		}
		in, err := inject(b, a, SkipMissing())
		if err != nil {
			continue
		}
		found = true
		if len(in.Skipped()) == 0 || len(in.Layers()) == 0 || len(in.Skipped())+len(in.Layers()) != len(a.layers) {
			t.Errorf("%s: %d layers, %d skipped, of %d", name, len(in.Layers()), len(in.Skipped()), len(a.layers))
		}
	}
	if !found {
		t.Error("no file is partly for its model")
	}
}

func TestPatterns(t *testing.T) {
	var p patterns
	if err := p.UnmarshalJSON([]byte(`{"to_k":1,"mid.*to_k":2}`)); err != nil {
		t.Fatal(err)
	}
	if v, ok, _ := p.match("mid_block.to_k"); !ok || v != 1 {
		t.Errorf("%v, want the first match, 1", v)
	}
	if _, ok, _ := p.match("mid_block.to_kk"); ok {
		t.Error("a pattern matched inside a word")
	}
	if _, _, err := (patterns{{`(?<=a)b`, 1}}).match("b"); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("a pattern that Go has not: %v, want Unsupported", err)
	}
	for _, bad := range []string{`[]`, `{"a":"b"}`, `{"a":-1}`, `{`} {
		p = nil
		if err := p.UnmarshalJSON([]byte(bad)); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func TestBlocks(t *testing.T) {
	b := Blocks{"down": 0.3, "up.1": 2, "up.1.2": 3}
	for group, want := range map[string]float64{"down.0.1": 0.3, "up.1.0": 2, "up.1.2": 3, "up.0.0": 1, "mid": 1, "": 1} {
		if have := b.weight(group); have != want {
			t.Errorf("%q has weight %v, want %v", group, have, want)
		}
	}
	for _, bad := range []string{"left", "down.x", "mid.0", "up.1.2.3", ""} {
		if (Blocks{bad: 1}).check() == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestTriggers(t *testing.T) {
	have := triggers(map[string]string{"ss_tag_frequency": `{"1_a":{"sks girl":4,"smile":2},"2_b":{"sks girl":1}}`})
	if len(have) != 1 || have[0] != "sks girl" {
		t.Errorf("%v, want sks girl", have)
	}
}

func TestPythonFloat(t *testing.T) {
	for x, want := range map[float64]string{1: "1.0", 0.5: "0.5", 1e-5: "1e-05", 1.25e16: "1.25e+16", 1e15: "1000000000000000.0", 0.0001: "0.0001"} {
		if have := pythonFloat(x); have != want {
			t.Errorf("%v is %s, want %s", x, have, want)
		}
	}
}

// TestSaveKeepsTheOld saves where it cannot and finds the old file whole.
func TestSaveKeepsTheOld(t *testing.T) {
	dir := golden.Part(t, "lora")
	e := golden.JSON[expected](t, dir+"/expected/"+golden.JSON[index](t, dir+"/index.json").Cases[0]+".json")
	b := openModel(t, dir, e.Model, "")
	a := load(t, adapterPath(dir, e.Name, e.Files))
	n, targets, err := a.locateIn(b)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "old.safetensors")
	if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := newWriter(a, n, targets).save(path, Dialect("none")); err == nil {
		t.Error("an unknown dialect was written")
	}
	if err := newWriter(a, n, targets).save(filepath.Join(path, "x.safetensors"), Diffusers); err == nil {
		t.Error("a file was written below a file")
	}
	if text, _ := os.ReadFile(path); string(text) != "old" {
		t.Errorf("the old file is %q", text)
	}
}

// FuzzLoad reads damaged adapters: an error or an adapter, never a panic.
func FuzzLoad(f *testing.F) {
	paths, _ := filepath.Glob("../internal/golden/testdata/lora/adapters/*/*")
	for _, p := range paths {
		if b, err := os.ReadFile(p); err == nil && len(b) < 30000 && !strings.HasSuffix(p, ".json") {
			f.Add(b, []byte(`{"peft_type":"LORA","r":4,"lora_alpha":8,"rank_pattern":{"to_k":2}}`))
		}
	}
	b, err := model.Layout(weights.SD1)
	if err != nil {
		f.Fatal(err)
	}
	n, err := namesOf(b)
	if err != nil {
		f.Fatal(err)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, file, config []byte) {
		path := filepath.Join(dir, "adapter_model.safetensors")
		for name, text := range map[string][]byte{path: file, filepath.Join(dir, "adapter_config.json"): config} {
			if err := os.WriteFile(name, text, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range []string{dir, path} {
			a, err := Load(p)
			if err != nil {
				continue
			}
			a.Info()
			targets, _, err := n.resolve(a)
			for i, target := range targets {
				if err == nil && target != nil {
					a.layers[i].change("x", target.weight().Shape)
				}
			}
		}
	})
}
