package train

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/imageio"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/rng"
)

// pictureFile is pictures.json.
type pictureFile struct {
	Note  string
	Cases []struct {
		Key, File     string
		Height, Width int
		Center        bool `json:"center_crop"`
		Flip          bool `json:"random_flip"`
		Seed          int64
		Resized       []int
		Next          float64  `json:"next_rand"`
		Crop          []int    `json:"crop_top_left"`
		FlipRand      *float64 `json:"flip_rand"`
	}
	Epoch map[string]struct {
		Items []struct {
			Index    int
			Randint  int
			DataID   int      `json:"data_id"`
			Crop     []int    `json:"crop_top_left"`
			FlipRand *float64 `json:"flip_rand"`
		}
		Next float64 `json:"next_rand_after_epoch"`
	}
	TimeIDs []struct {
		Size      []int
		Seed      []float64 `json:"add_time_ids_seed"`
		Diffusers []float64 `json:"add_time_ids_diffusers"`
	} `json:"time_ids"`
}

func TestGoldenPictures(t *testing.T) {
	file := golden.JSON[pictureFile](t, golden.Part(t, "train/pictures.json"))
	stored := golden.Tensors(t, golden.Part(t, "train/pictures.safetensors"))
	dir := golden.Part(t, "train")
	for _, c := range file.Cases {
		pic, err := imageio.Decode(golden.Bytes(t, filepath.Join(dir, c.File)), imageio.Strict)
		if err != nil {
			t.Fatal(err)
		}
		p := Prepare{Height: c.Height, Width: c.Width, Center: c.Center, Flip: c.Flip}
		g := rng.NewTorch(c.Seed)
		cut, err := p.Draw(pic.Width, pic.Height, g)
		if err != nil {
			t.Fatal(err)
		}
		if w, h := p.Resized(pic.Width, pic.Height); h != c.Resized[0] || w != c.Resized[1] {
			t.Errorf("%s: resized to %d×%d, want %v", c.Key, w, h, c.Resized)
		}
		if c.Crop != nil && (cut.Top != c.Crop[0] || cut.Left != c.Crop[1]) {
			t.Errorf("%s: cut at %+v, want %v", c.Key, cut, c.Crop)
		}
		if c.FlipRand != nil && cut.Flip != (*c.FlipRand < 0.5) {
			t.Errorf("%s: flip %v, want %v", c.Key, cut.Flip, *c.FlipRand)
		}
		var next [1]float32
		g.Uniform(next[:], rng.F32)
		if float64(next[0]) != c.Next {
			t.Errorf("%s: the next number is %v, want %v", c.Key, next[0], c.Next)
		}
		q, err := p.Bytes(pic, cut)
		if err != nil {
			t.Fatal(err)
		}
		golden.Equal(t, c.Key, q.Pix, stored.Get(t, c.Key+".u8").Data)
		if stored.Has(c.Key) {
			x := stored.Get(t, c.Key)
			x.Shape = append([]int{1}, x.Shape...)
			golden.Equal(t, c.Key+" as numbers", Tensor(q).Pix, nhwc(x))
		}
	}
}

// TestGoldenEpoch draws what an epoch of a shuffling loader draws.
func TestGoldenEpoch(t *testing.T) {
	file := golden.JSON[pictureFile](t, golden.Part(t, "train/pictures.json"))
	files := strings.Split("wide tall small square alpha", " ") // as the file's note says
	dir := golden.Part(t, "train/pictures")
	for name, e := range file.Epoch {
		seed, err := strconv.ParseInt(strings.TrimPrefix(name, "seed"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		g := rng.NewTorch(seed)
		for i, index := range g.EpochOrder(len(e.Items)) {
			want := e.Items[i]
			id, draw, err := Pick(g, index, len(files))
			if err != nil {
				t.Fatal(err)
			}
			if index != want.Index || draw != want.Randint || id != want.DataID {
				t.Fatalf("%s: item %d is %d, %d, %d, want %+v", name, i, index, draw, id, want)
			}
			info, err := imageio.HeaderFile(filepath.Join(dir, files[id]+".png"), imageio.Strict)
			if err != nil {
				t.Fatal(err)
			}
			cut, err := Prepare{Height: 32, Width: 24, Flip: true}.Draw(info.Width, info.Height, g)
			if err != nil {
				t.Fatal(err)
			}
			if cut.Top != want.Crop[0] || cut.Left != want.Crop[1] || cut.Flip != (*want.FlipRand < 0.5) {
				t.Fatalf("%s: item %d is cut at %+v, want %+v", name, i, cut, want)
			}
		}
		var next [1]float32
		g.Uniform(next[:], rng.F32)
		if float64(next[0]) != e.Next {
			t.Errorf("%s: the next number is %v, want %v", name, next[0], e.Next)
		}
	}
	for _, ids := range file.TimeIDs {
		have := TimeIDs(ids.Size[0], ids.Size[1])
		golden.Equal(t, "time ids", have, ids.Seed)
		golden.Equal(t, "time ids", have, ids.Diffusers)
	}
}

// TestGoldenEncode turns pictures into latents.
func TestGoldenEncode(t *testing.T) {
	f := golden.Tensors(t, golden.Part(t, "train/vae.safetensors"))
	floor, err := strconv.ParseFloat(f.Meta["fp32_vs_fp64_max_abs"], 64)
	if err != nil {
		t.Fatal(err)
	}
	b := openModel(t, "")
	x := f.Get(t, "image")
	n, h, w := x.Shape[0], x.Shape[2], x.Shape[3]
	pix := nhwc(x)
	tol := golden.Tol{Abs: 10 * floor, From: "10 × the case's float32 error"}
	for i := range n {
		p := model.Picture{H: h, W: w, C: 3, Pix: pix[i*h*w*3:][:h*w*3]}
		m, err := b.EncodeImage(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		part := func(key string) []float32 {
			v := nhwc(f.Get(t, key))
			return v[i*len(v)/n:][:len(v)/n]
		}
		golden.Close(t, "latents_seed", b.Mean(m).Pix, part("latents_seed"), tol)
		golden.Close(t, "latents_sampled", b.Sample(m, part("noise")).Pix, part("latents_sampled"), tol)
	}
}
