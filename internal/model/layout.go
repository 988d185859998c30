package model

import (
	"encoding/json"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model/cliptext"
	"github.com/easel-go/easel/internal/model/unet"
	"github.com/easel-go/easel/internal/weights"
)

// Layout returns the networks of a family's published model without weights, UNet and
// CLIP text encoders: the names and shapes of their layers, for whoever has to tell
// what an adapter is for. Nothing in it can be run.
func Layout(name weights.Family) (*Bundle, error) {
	f := familyOf(name)
	if f == nil {
		return nil, &fault.Error{Kind: fault.Unsupported, Op: "model", What: "family", Have: string(name), Want: "sd1, sdxl or kolors"}
	}
	b := &Bundle{Scales: map[string]float32{}, family: f}
	folder := f.config
	if folder == "" {
		folder = familyOf(weights.SDXL).config // Kolors' UNet is SDXL's but for its text
	}
	text, err := configs.ReadFile("config/" + folder + "/unet/config.json")
	if err != nil {
		return nil, err
	}
	if f.name == weights.Kolors {
		if text, err = kolorsConfig(text); err != nil {
			return nil, err
		}
	}
	c, err := unet.Parse(text)
	if err != nil {
		return nil, err
	}
	b.UNet = unet.New(c)
	for _, t := range f.texts {
		if t.single == weights.ChatGLM {
			continue
		}
		if text, err = configs.ReadFile("config/" + folder + "/" + t.part + "/config.json"); err != nil {
			return nil, err
		}
		c, err := cliptext.Parse(text, t.single == weights.TextEncoder2)
		if err != nil {
			return nil, err
		}
		b.Text = append(b.Text, &TextEncoder{CLIP: cliptext.New(c)})
	}
	return b, nil
}

// kolorsConfig changes SDXL's UNet config where Kolors has other numbers.
func kolorsConfig(sdxl []byte) ([]byte, error) {
	var c map[string]any
	if err := json.Unmarshal(sdxl, &c); err != nil {
		return nil, err
	}
	c["encoder_hid_dim"], c["encoder_hid_dim_type"] = 4096, "text_proj"
	c["projection_class_embeddings_input_dim"] = 5632
	return json.Marshal(c)
}
