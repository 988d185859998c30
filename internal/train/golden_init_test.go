package train

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/model/unet"
	"github.com/easel-go/easel/internal/rng"
)

type initRun struct {
	Scaling float64
	Next    float64 `json:"next_rand_after"`
	Modules [][]any
}

// TestGoldenInit draws A as peft does and compares bits, and where the generator stands
// after that.
func TestGoldenInit(t *testing.T) {
	file := golden.JSON[struct {
		Note    string
		Columns []string
		Runs    map[string]initRun
	}](t, golden.Part(t, "train/init.json"))
	stored := golden.Tensors(t, golden.Part(t, "train/init.safetensors"))
	for name, r := range file.Runs {
		t.Run(name, func(t *testing.T) { initCase(t, name, r, stored) })
	}
}

func initCase(t *testing.T, name string, r initRun, stored *golden.File) {
	words := strings.Split(name, "_")
	seed, err := strconv.ParseInt(strings.TrimPrefix(words[0], "seed"), 10, 64)
	if err != nil || len(words) < 2 || words[1] != "gaussian" && words[1] != "kaiming" {
		t.Fatalf("case %s", name)
	}
	rank := int(r.Modules[0][1].([]any)[0].(float64))
	g := rng.NewTorch(seed)
	b := openModel(t, "")
	a, err := Attach(Match(b.UNet, targets), Init{Rank: rank, Alpha: r.Scaling * float64(rank), Draw: g, Kaiming: words[1] == "kaiming", Half: len(words) == 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Layers) != len(r.Modules) {
		t.Fatalf("%d layers, want %d", len(a.Layers), len(r.Modules))
	}
	for i, row := range r.Modules {
		v := data(a.A[i])
		if a.Layers[i].Name != row[0] {
			t.Fatalf("layer %d is %s, want %s", i, a.Layers[i].Name, row[0])
		}
		var sum float64
		for _, x := range v {
			sum += float64(x)
		}
		golden.Close(t, a.Layers[i].Name, []float64{sum, length(v)}, []float64{row[2].(float64), row[3].(float64)}, golden.Tol{Abs: 1e-9, From: "sums in float64"})
		for k, want := range row[4].([]any) {
			if float64(v[k]) != want.(float64) {
				t.Fatalf("%s[%d] = %.9g, want %.9g", row[0], k, v[k], want)
			}
		}
		if key := name + "." + a.Layers[i].Name; stored.Has(key) {
			golden.Equal(t, key, v, stored.Get(t, key).Float32s())
		}
	}
	var next [1]float32
	g.Uniform(next[:], rng.F32)
	if float64(next[0]) != r.Next {
		t.Errorf("the next number is %v, want %v", next[0], r.Next)
	}
}

// TestGoldenModules matches targets against the real models' layers.
func TestGoldenModules(t *testing.T) {
	z, err := gzip.NewReader(bytes.NewReader(golden.Bytes(t, golden.Part(t, "train/matched_modules.json.gz"))))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	type matched struct {
		Targets    string
		Count      int
		Kinds      map[string]int
		Modules    []string
		Parameters []int `json:"parameters_r4_r16"`
	}
	for key, raw := range golden.Decode[map[string]json.RawMessage](t, "matched modules", text) {
		name, _, ok := strings.Cut(key, ".")
		if !ok {
			continue // what peft says to a name that hits a list of modules
		}
		want := golden.Decode[matched](t, key, raw)
		layers := Match(realUNet(t, name), strings.Split(want.Targets, ","))
		if want.Modules == nil { // lists of modules count there, which are no layers
			checkCounts(t, key, layers, want.Kinds)
			continue
		}
		var names []string
		numbers := 0
		for _, l := range layers {
			names = append(names, l.Name)
			numbers += l.Weight.Shape[0] + l.Weight.Shape[1]
		}
		golden.Equal(t, key, names, want.Modules)
		golden.Equal(t, key+" parameters", []int{4 * numbers, 16 * numbers}, want.Parameters)
	}
}

func checkCounts(t *testing.T, key string, layers []Layer, kinds map[string]int) {
	have := map[string]int{}
	for _, l := range layers {
		have[map[bool]string{true: "Conv2d", false: "Linear"}[len(l.Weight.Shape) == 4]]++
	}
	for kind, n := range kinds {
		if kind != "ModuleList" && have[kind] != n {
			t.Errorf("%s: %d of %s, want %d", key, have[kind], kind, n)
		}
	}
}

// realUNet is an unbound network of a published model's shape.
func realUNet(t *testing.T, name string) *unet.UNet {
	configs := map[string]string{
		"sd14": `{"sample_size":64,"block_out_channels":[320,640,1280,1280],"attention_head_dim":8,"cross_attention_dim":768,
			"down_block_types":["CrossAttnDownBlock2D","CrossAttnDownBlock2D","CrossAttnDownBlock2D","DownBlock2D"],
			"up_block_types":["UpBlock2D","CrossAttnUpBlock2D","CrossAttnUpBlock2D","CrossAttnUpBlock2D"]}`,
		"sdxl":   sdxlConfig(`"projection_class_embeddings_input_dim":2816`),
		"kolors": sdxlConfig(`"projection_class_embeddings_input_dim":5632,"encoder_hid_dim":4096,"encoder_hid_dim_type":"text_proj"`),
	}
	c, err := unet.Parse([]byte(configs[name]))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return unet.New(c)
}

func sdxlConfig(more string) string {
	return `{"sample_size":128,"block_out_channels":[320,640,1280],"attention_head_dim":[5,10,20],"cross_attention_dim":2048,
		"transformer_layers_per_block":[1,2,10],"use_linear_projection":true,"addition_embed_type":"text_time","addition_time_embed_dim":256,
		"down_block_types":["DownBlock2D","CrossAttnDownBlock2D","CrossAttnDownBlock2D"],
		"up_block_types":["CrossAttnUpBlock2D","CrossAttnUpBlock2D","UpBlock2D"],` + more + `}`
}
