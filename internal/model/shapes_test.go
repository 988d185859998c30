package model

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/model/chatglm"
	"github.com/easel-go/easel/internal/model/cliptext"
	"github.com/easel-go/easel/internal/model/clipvision"
	"github.com/easel-go/easel/internal/model/unet"
	"github.com/easel-go/easel/internal/model/vae"
	"github.com/easel-go/easel/internal/nn"
	"github.com/easel-go/easel/internal/weights"
)

// shapeList is one of checkpoint/shapes: names and shapes of a real model.
type shapeList struct {
	Config     json.RawMessage  `json:"config"`
	Dtype      string           `json:"dtype"`
	Count      int              `json:"tensor_count"`
	Parameters int              `json:"parameters"`
	MD5        string           `json:"md5"`
	Note       string           `json:"note"`
	Tensors    map[string][]int `json:"tensors"`
	Published  bool             `json:"md5_equals_published_hash"`
}

// TestGoldenShapes binds the names and shapes of every real model to its network,
// through a file that is all hole.
func TestGoldenShapes(t *testing.T) {
	for _, path := range golden.Glob(t, golden.Part(t, "checkpoint/shapes"), "*.json.gz") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			list := readList(t, path)
			src, err := weights.Open(sparse(t, list))
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			cp, err := weights.Identify(src)
			if err != nil {
				t.Fatal(err)
			}
			for part, s := range cp.Parts {
				if err := bindPart(cp, part, s, list.Config); err != nil {
					t.Errorf("%s: %v", part, err)
				}
			}
		})
	}
}

// bindPart makes a part's network, from the list's config or, in a single file, the
// published one of its family, and binds it.
func bindPart(cp *weights.Checkpoint, part weights.Part, s *weights.Source, config []byte) error {
	if len(cp.Parts) > 1 {
		name := map[weights.Part]string{weights.UNet: "unet", weights.VAE: "vae", weights.TextEncoder: "text_encoder", weights.TextEncoder2: "text_encoder_2"}[part]
		var err error
		if config, err = configs.ReadFile("config/" + familyOf(cp.Family).config + "/" + name + "/config.json"); err != nil {
			return err
		}
	}
	var net any
	var err error
	switch part {
	case weights.UNet:
		var c unet.Config
		c, err = unet.Parse(config)
		net = unet.New(c)
	case weights.VAE:
		var c vae.Config
		c, err = vae.Parse(config)
		net = vae.New(c)
	case weights.TextEncoder, weights.TextEncoder2:
		var c cliptext.Config
		c, err = cliptext.Parse(config, s.Has("text_projection.weight"))
		net = cliptext.New(c)
	case weights.ChatGLM:
		var c chatglm.Config
		c, err = chatglm.Parse(config)
		net = chatglm.New(c)
	case weights.CLIPVision:
		var c clipvision.Config
		c, err = clipvision.Parse(config)
		net = clipvision.New(c)
	case weights.CLIP:
		net, err = clipNet(config)
	}
	if err != nil {
		return err
	}
	return weights.Bind(net, s, "")
}

// clipNet is both towers of a CLIP model, as package clip puts them together.
func clipNet(config []byte) (any, error) {
	var both struct {
		Text   json.RawMessage `json:"text_config"`
		Vision json.RawMessage `json:"vision_config"`
	}
	if err := json.Unmarshal(config, &both); err != nil {
		return nil, err
	}
	tc, err := cliptext.Parse(both.Text, true)
	if err != nil {
		return nil, err
	}
	vc, err := clipvision.Parse(both.Vision)
	return &struct {
		*cliptext.Model
		Vision *clipvision.Model `weight:""`
		Scale  *nn.Param         `weight:"logit_scale"`
	}{cliptext.New(tc), clipvision.New(vc), nn.NewParam()}, err
}

func readList(t *testing.T, path string) shapeList {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var l shapeList
	d := json.NewDecoder(z)
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		t.Fatal(err)
	}
	return l
}

// sparse writes a safetensors file of float16 tensors without writing their values.
func sparse(t *testing.T, l shapeList) string {
	type entry struct {
		Dtype   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	head := map[string]entry{}
	var at int64
	for _, name := range golden.Keys(l.Tensors) {
		n := int64(2)
		for _, d := range l.Tensors[name] {
			n *= int64(d)
		}
		head[name] = entry{"F16", append([]int{}, l.Tensors[name]...), [2]int64{at, at + n}}
		at += n
	}
	text, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	for len(text)%8 != 0 { // or else the tensors are not aligned, and copied
		text = append(text, ' ')
	}
	path := filepath.Join(t.TempDir(), "hole.safetensors")
	b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(len(b))+at); err != nil {
		t.Fatal(err)
	}
	return path
}
