package clip

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model/cliptext"
	"github.com/easel-go/easel/internal/model/clipvision"
	"github.com/easel-go/easel/internal/model/encoder"
	"github.com/easel-go/easel/internal/weights"
)

// openCLIPFile is open_clip_config.json (open_clip 3.3, factory.py and model.py:
// CLIPVisionCfg, CLIPTextCfg), as far as plain CLIP models use it.
type openCLIPFile struct {
	Model struct {
		Dim       int  `json:"embed_dim"`
		QuickGELU bool `json:"quick_gelu"`
		Vision    struct {
			Image     int             `json:"image_size"`
			Layers    json.RawMessage `json:"layers"`
			HeadWidth int             `json:"head_width"`
			MLPRatio  float64         `json:"mlp_ratio"`
			Timm      string          `json:"timm_model_name"`
		} `json:"vision_cfg"`
		Text struct {
			Heads    int     `json:"heads"`
			MLPRatio float64 `json:"mlp_ratio"`
			HF       string  `json:"hf_model_name"`
		} `json:"text_cfg"`
	} `json:"model_cfg"`
	Preprocess struct {
		Mean          []float64 `json:"mean"`
		Std           []float64 `json:"std"`
		Interpolation string    `json:"interpolation"`
		ResizeMode    string    `json:"resize_mode"`
	} `json:"preprocess_cfg"`
}

// openCLIPConfig reads the numbers that shapes do not tell from open_clip's config,
// and the rest from the shapes.
func (f files) openCLIPConfig(name string, src *weights.Source) (c clipConfig, err error) {
	text, err := f.read(name)
	if err != nil {
		return c, err
	}
	var o openCLIPFile
	if err := json.Unmarshal(text, &o); err != nil {
		return c, &fault.Error{Kind: fault.Invalid, Op: "clip", Where: name, Err: err}
	}
	if o.Model.Vision.Timm != "" || o.Model.Text.HF != "" {
		return c, &fault.Error{Kind: fault.Unsupported, Op: "clip", Where: name, What: "tower", Have: o.Model.Vision.Timm + o.Model.Text.HF, Want: "CLIP's own transformers"}
	}
	s, err := readSizes(src)
	if err != nil {
		return c, err
	}
	if w := o.Model.Vision.HeadWidth; w > 0 {
		s.visionHeads = s.visionWidth / w
	}
	if h := o.Model.Text.Heads; h > 0 {
		s.textHeads = h
	}
	act := "gelu"
	if o.Model.QuickGELU {
		act = "quick_gelu"
	}
	return s.config(act, o.preparation)
}

// preparation follows preprocess_cfg: open_clip's transform resizes with the filter
// named and crops the centre.
func (o *openCLIPFile) preparation(size int) (*preparation, error) {
	p := likeCLIP(size)
	if mode := o.Preprocess.ResizeMode; mode != "" && mode != "shortest" {
		return nil, &fault.Error{Kind: fault.Unsupported, Op: "clip", Where: "open_clip_config.json", What: "resize_mode", Have: mode, Want: "shortest"}
	}
	if len(o.Preprocess.Mean) == 3 && len(o.Preprocess.Std) == 3 {
		p.mean, p.std = [3]float64(o.Preprocess.Mean), [3]float64(o.Preprocess.Std)
	}
	if o.Preprocess.Interpolation == "bilinear" {
		p.resample = pilBilinear
	}
	return p.finish(size)
}

// bareConfig reads the configuration of a single file off its tensors. Heads are 64
// wide in OpenAI's models; the activation is OpenAI's where its three numbers stand
// beside the tensors, and cannot be told otherwise.
func bareConfig(both, src *weights.Source) (c clipConfig, err error) {
	s, err := readSizes(both)
	if err != nil {
		return c, err
	}
	if !src.Has("input_resolution") {
		return c, &fault.Error{Kind: fault.Missing, Op: "clip", Where: src.Path(), What: "activation", Have: "cannot be told from the tensors",
			Want: "open_clip_config.json beside the file, or clip.WithConfig(folder)"}
	}
	return s.config("quick_gelu", func(size int) (*preparation, error) { return likeCLIP(size).finish(size) })
}

// sizes are what the shapes of a CLIP model's tensors tell, and guesses for heads.
type sizes struct {
	path                                            string
	image, patch                                    int
	visionWidth, visionLayers, visionMLP            int
	textWidth, textLayers, textMLP, vocab, position int
	dim                                             int
	visionHeads, textHeads                          int
}

// headWidths are those of open_clip's widest vision transformers (ViT-H, g, G and
// bigG); all others have 64.
var headWidths = map[int]int{1280: 80, 1408: 88, 1664: 104, 1792: 112}

func readSizes(src *weights.Source) (s sizes, err error) {
	shape := func(name string, axes int) []int {
		info, ok := src.Info(name)
		if err == nil && (!ok || len(info.Shape) != axes) {
			err = &fault.Error{Kind: fault.Missing, Op: "clip", Where: src.Path(), What: "tensor " + name, Have: fmt.Sprint(info.Shape), Want: fmt.Sprintf("%d axes", axes)}
		}
		if err != nil {
			return make([]int, axes)
		}
		return info.Shape
	}
	patch := shape("vision_model.embeddings.patch_embedding.weight", 4)
	places := shape("vision_model.embeddings.position_embedding.weight", 2)[0]
	token := shape("text_model.embeddings.token_embedding.weight", 2)
	s = sizes{
		path: src.Path(), patch: patch[2], visionWidth: patch[0], vocab: token[0], textWidth: token[1],
		visionMLP: shape("vision_model.encoder.layers.0.mlp.fc1.weight", 2)[0],
		textMLP:   shape("text_model.encoder.layers.0.mlp.fc1.weight", 2)[0],
		position:  shape("text_model.embeddings.position_embedding.weight", 2)[0],
		dim:       shape("visual_projection.weight", 2)[0],
	}
	s.image = int(math.Sqrt(float64(max(places-1, 0)))) * s.patch
	s.visionLayers = count(src, "vision_model.encoder.layers.%d.layer_norm1.weight")
	s.textLayers = count(src, "text_model.encoder.layers.%d.layer_norm1.weight")
	s.guessHeads()
	return s, err
}

func (s *sizes) guessHeads() {
	s.visionHeads, s.textHeads = s.visionWidth/64, s.textWidth/64
	if w := headWidths[s.visionWidth]; w > 0 {
		s.visionHeads = s.visionWidth / w
	}
}

// count returns how many tensors there are of names numbered from 0.
func count(src *weights.Source, format string) int {
	n := 0
	for src.Has(fmt.Sprintf(format, n)) {
		n++
	}
	return n
}

// config makes towers of the sizes. The text ends at its largest id, as OpenAI has it.
func (s sizes) config(act string, prepare func(size int) (*preparation, error)) (c clipConfig, err error) {
	if s.image <= 0 || s.image > 1<<14 || s.patch <= 0 {
		return c, fault.Newf(fault.Invalid, "clip", "%s: pictures of %d pixels in patches of %d", s.path, s.image, s.patch)
	}
	c.text = cliptext.Config{
		Vocab: s.vocab, Positions: s.position, Width: s.textWidth, ProjectionDim: s.dim, EOS: 2,
		Encoder: encoder.Config{Width: s.textWidth, Layers: s.textLayers, Heads: s.textHeads, MLP: s.textMLP, Eps: 1e-5, Act: act},
	}
	c.vision = clipvision.Config{
		Image: s.image, Patch: s.patch, Width: s.visionWidth, ProjectionDim: s.dim,
		Encoder: encoder.Config{Width: s.visionWidth, Layers: s.visionLayers, Heads: s.visionHeads, MLP: s.visionMLP, Eps: 1e-5, Act: act},
	}
	for _, e := range []encoder.Config{c.text.Encoder, c.vision.Encoder} {
		if err := e.Check(s.path); err != nil {
			return c, &fault.Error{Kind: fault.KindOf(err), Op: "clip", Where: s.path, What: "sizes", Have: "are unusual",
				Want: "clip.WithConfig(folder) with a config.json that tells the number of heads", Err: err}
		}
	}
	c.prepare, err = prepare(s.image)
	return c, err
}
