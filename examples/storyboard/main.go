// Command storyboard is the whole flow in one: a dataset is opened, cleaned by a
// recipe and scored, a LoRA is trained on what is left and put into the pipeline, and
// eight scenes are painted without and with it and laid out on a sheet.
//
//	go run ./examples/storyboard
//	go run ./examples/storyboard -model Kolors -dataset AI-ModelScope/lowres_anime -recipe recipe.yaml
//
// Without arguments it runs on the checkpoint, pictures and recipe that examples/tiny
// embeds, and needs nothing else. Everything is written below -o: the sheet, the
// scenes, report.html, the adapter, and Lightning's folder. A run that was interrupted
// goes on where it was.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/easel-go/easel/diffusion"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "storyboard:", err)
		os.Exit(1)
	}
}

// settings are what the command line says. What decides a stage's results is told in
// its key, see stage.
type settings struct {
	Out string

	Model, Variant, Device, Precision string
	Dataset, Subset, Split, Recipe    string
	CLIP, Aesthetics                  string

	Quick      bool
	Steps      int
	Guidance   float64
	Size       int
	SideBySide int

	TrainSteps, Batch int
	LearningRate      float64
	Rank              int
	Alpha, LoraScale  float64

	Quiet bool
}

func parse(args []string) (*settings, error) {
	s := &settings{}
	fs := flag.NewFlagSet("storyboard", flag.ContinueOnError)
	fs.StringVar(&s.Out, "o", "storyboard", "the folder to write")
	fs.StringVar(&s.Model, "model", "", "a folder, a single file, or hf:owner/name or ms:owner/name in the cache; without it the embedded checkpoint")
	fs.StringVar(&s.Variant, "variant", "", "variant of the weights' files, such as fp16")
	fs.StringVar(&s.Device, "device", "cpu", "cpu or auto")
	fs.StringVar(&s.Precision, "precision", "f32", "f32 or bf16")
	fs.StringVar(&s.Dataset, "dataset", "", "a folder, a file or a dataset's name on a hub; without it the embedded pictures")
	fs.StringVar(&s.Subset, "subset", "default", "subset of the dataset")
	fs.StringVar(&s.Split, "split", "train", "split of the dataset")
	fs.StringVar(&s.Recipe, "recipe", "", "a Data-Juicer recipe; without it the embedded one")
	fs.StringVar(&s.CLIP, "clip", "", "a CLIP model for the scores; without it the embedded one, or no scores for another -model")
	fs.StringVar(&s.Aesthetics, "aesthetics", "", "an aesthetics head for -clip")
	fs.BoolVar(&s.Quick, "quick", false, "10 steps a scene and 60 of training: half a minute")
	fs.IntVar(&s.Steps, "steps", 0, "steps a scene; 20 for the embedded checkpoint, else 50")
	fs.Float64Var(&s.Guidance, "guidance", 4, "guidance scale")
	fs.IntVar(&s.Size, "size", 0, "edge of pictures in pixels; 0 for the model's own")
	fs.IntVar(&s.SideBySide, "side-by-side", 0, "scenes painted in one call of the UNet; 8 for the embedded checkpoint, else 1")
	fs.IntVar(&s.TrainSteps, "train-steps", 0, "training steps; 350 for the embedded checkpoint, else 500")
	fs.IntVar(&s.Batch, "batch", 0, "pictures a training step; 4 for the embedded checkpoint, else 1")
	fs.Float64Var(&s.LearningRate, "lr", 0, "learning rate; 2.5e-3 for the embedded checkpoint, else 1e-4")
	fs.IntVar(&s.Rank, "rank", 16, "rank of the adapter")
	fs.Float64Var(&s.Alpha, "alpha", 4, "alpha of the adapter")
	fs.Float64Var(&s.LoraScale, "lora-scale", 1, "how strongly the adapter counts in the scenes")
	fs.BoolVar(&s.Quiet, "q", false, "print nothing")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	s.defaults()
	return s, nil
}

// defaults fills in what depends on the model.
func (s *settings) defaults() {
	pick := func(v *int, tiny, real int) {
		if *v == 0 {
			*v = real
			if s.Model == "" {
				*v = tiny
			}
		}
	}
	if s.Quick {
		pick(&s.Steps, 10, 10)
		pick(&s.TrainSteps, 60, 60)
	}
	pick(&s.Steps, 20, 50)
	pick(&s.TrainSteps, 350, 500)
	pick(&s.Batch, 4, 1)
	pick(&s.SideBySide, 8, 1)
	if s.LearningRate == 0 {
		s.LearningRate = 1e-4
		if s.Model == "" {
			s.LearningRate = 2.5e-3
		}
	}
}

func run(ctx context.Context, args []string) error {
	set, err := parse(args)
	if err != nil {
		return err
	}
	start := time.Now()
	st, err := open(set) // a model that cannot be used is refused here, before anything is done
	if err != nil {
		return err
	}
	defer st.close()
	if err := st.run(ctx); err != nil {
		return err
	}
	st.say("done in %.1fs: %s, %s", time.Since(start).Seconds(), st.path("sheet.png"), st.path("report.html"))
	return nil
}

// scene is one picture of the story.
type scene struct {
	prompt, negative string
	seed             uint64
}

// common is the negative prompt of all scenes.
const common = "丑陋、变形、嘈杂、模糊、低对比度"

// scenes are the story: a girl who dreams of the stage.
var scenes = []scene{
	{"二次元,一个紫色短发小女孩,在家中沙发上坐着,双手托着腮,很无聊,全身,粉色连衣裙", "", 0},
	{"二次元,日系动漫,演唱会的观众席,人山人海,一个紫色短发小女孩穿着粉色吊带漏肩连衣裙坐在演唱会的观众席,舞台上衣着华丽的歌星们在唱歌", "", 1},
	{"二次元,一个紫色短发小女孩穿着粉色吊带漏肩连衣裙坐在演唱会的观众席,露出憧憬的神情", ",色情擦边", 2},
	{"二次元,一个紫色短发小女孩穿着粉色吊带漏肩连衣裙,对着流星许愿,闭着眼睛,十指交叉,侧面", ",扭曲的手指,多余的手指", 5},
	{"二次元,一个紫色中等长度头发小女孩穿着粉色吊带漏肩连衣裙,在练习室练习唱歌", "", 0},
	{"二次元,一个紫色长发小女孩穿着粉色吊带漏肩连衣裙,在练习室练习唱歌,手持话筒", "", 1},
	{"二次元,紫色长发少女,穿着黑色连衣裙,试衣间,心情忐忑", "", 7},
	{"二次元,紫色长发少女,穿着黑色礼服,连衣裙,在台上唱歌", "", 0},
}

// request is what a scene asks of a pipeline.
func (s *settings) request(c scene) diffusion.Request {
	return diffusion.Request{
		Prompt: c.prompt, NegativePrompt: common + c.negative, Seed: c.seed,
		Steps: s.Steps, GuidanceScale: s.Guidance, Width: s.Size, Height: s.Size,
	}
}
