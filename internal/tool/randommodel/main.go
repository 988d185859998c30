// Command randommodel writes a pipeline folder of a real model's shape with random
// weights in float16, for benchmarks and memory tests: the time of dense arithmetic
// does not depend on the values.
//
//	go run ./internal/tool/randommodel -kind sd14|sdxl|kolors -o DIR [-text-layers N]
//
// Names, shapes and configs are those of the reference lists; the tokenizers are the
// small ones of examples/tiny.
package main

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/easel-go/easel/examples/tiny"
)

// part is a network of a pipeline and the list its names and shapes come from.
type part struct {
	folder, list, file string
	config             map[string]any // fields the list's config lacks
}

var kinds = map[string][]part{
	"sd14": {
		{"unet", "sd14_unet", "diffusion_pytorch_model", nil},
		{"vae", "vae", "diffusion_pytorch_model", nil},
		{"text_encoder", "sd14_text_encoder", "model", nil},
	},
	"sdxl": {
		{"unet", "sdxl_unet", "diffusion_pytorch_model", nil},
		{"vae", "vae", "diffusion_pytorch_model", map[string]any{"scaling_factor": 0.13025, "sample_size": 1024}},
		{"text_encoder", "sd14_text_encoder", "model", nil},
		{"text_encoder_2", "sdxl_text_encoder_2", "model", nil},
	},
	"kolors": {
		{"unet", "kolors_unet", "diffusion_pytorch_model", nil},
		{"vae", "vae", "diffusion_pytorch_model", map[string]any{"scaling_factor": 0.13025, "sample_size": 1024}},
		{"text_encoder", "kolors_chatglm3", "model", map[string]any{"model_type": "chatglm"}},
	},
}

// lists is where the reference lists lie in a checkout.
const lists = "internal/golden/testdata/checkpoint/shapes"

func main() {
	kind := flag.String("kind", "sd14", "sd14, sdxl or kolors")
	out := flag.String("o", "", "folder to write")
	layers := flag.Int("text-layers", 0, "layers of Kolors' text encoder; 0 for all 28 (12 GB)")
	seed := flag.Uint64("seed", 1, "seed")
	flag.Parse()
	if err := run(*kind, *out, *layers, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "randommodel:", err)
		os.Exit(1)
	}
}

func run(kind, out string, layers int, seed uint64) error {
	parts := kinds[kind]
	if parts == nil || out == "" {
		return fmt.Errorf("-kind %q and -o %q, want sd14, sdxl or kolors, and a folder", kind, out)
	}
	for _, p := range parts {
		if err := p.write(out, layers, rand.New(rand.NewPCG(seed, uint64(len(p.list))))); err != nil {
			return err
		}
	}
	return tokenizers(kind, out)
}

func (p part) write(out string, layers int, rng *rand.Rand) error {
	var list struct {
		Config  map[string]any   `json:"config"`
		Tensors map[string][]int `json:"tensors"`
	}
	f, err := os.Open(filepath.Join(lists, p.list+".json.gz"))
	if err != nil {
		return fmt.Errorf("%w: run from the root of a checkout", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err == nil {
		err = json.NewDecoder(z).Decode(&list)
	}
	if err != nil {
		return err
	}
	maps.Copy(list.Config, p.config)
	if _, glm := list.Config["num_layers"]; glm && layers > 0 {
		list.Config["num_layers"] = layers
		maps.DeleteFunc(list.Tensors, func(name string, _ []int) bool { return layer(name) >= layers })
	}
	dir := filepath.Join(out, p.folder)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	config, err := json.MarshalIndent(list.Config, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "config.json"), config, 0o644)
	}
	if err != nil {
		return err
	}
	return random(filepath.Join(dir, p.file+".safetensors"), list.Tensors, rng)
}

// layer returns N of "encoder.layers.N.…", −1 for other names.
func layer(name string) int {
	_, rest, ok := strings.Cut(name, "encoder.layers.")
	if !ok {
		return -1
	}
	n, _, _ := strings.Cut(rest, ".")
	i, err := strconv.Atoi(n)
	if err != nil {
		return -1
	}
	return i
}

// random writes a safetensors file: matrices uniform with the deviation that keeps
// activations in size, norms 1, biases 0.
func random(path string, tensors map[string][]int, rng *rand.Rand) error {
	names := slices.Sorted(maps.Keys(tensors))
	head := map[string]any{}
	at := 0
	for _, name := range names {
		n := 2 * size(tensors[name])
		head[name] = map[string]any{"dtype": "F16", "shape": append([]int{}, tensors[name]...), "data_offsets": []int{at, at + n}}
		at += n
	}
	text, err := json.Marshal(head)
	if err != nil {
		return err
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text))))
	w.Write(text)
	for _, name := range names {
		values(w, name, tensors[name], rng)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// table is how many random values there are; they repeat.
const table = 1 << 14

func values(w *bufio.Writer, name string, shape []int, rng *rand.Rand) {
	n := size(shape)
	var pattern [table]uint16
	for i := range pattern {
		switch {
		case len(shape) > 1:
			fanIn := float64(n / shape[0])
			pattern[i] = half((rng.Float64()*2 - 1) * math.Sqrt(1/fanIn))
		case strings.HasSuffix(name, "weight"):
			pattern[i] = half(1)
		}
	}
	var b [2 * table]byte
	for i, v := range pattern {
		binary.LittleEndian.PutUint16(b[2*i:], v)
	}
	for n > 0 {
		m := min(n, table)
		w.Write(b[:2*m])
		n -= m
	}
}

// half rounds a number of at most 1 to float16, towards zero.
func half(x float64) uint16 {
	bits := math.Float64bits(x)
	sign := uint16(bits >> 48 & 0x8000)
	exp := int(bits>>52&2047) - 1023 + 15
	if exp <= 0 {
		return sign
	}
	return sign | uint16(exp)<<10 | uint16(bits>>42&1023)
}

// tokenizers copies the small tokenizers and writes the pipeline's index.
func tokenizers(kind, out string) error {
	from, to := "clip", []string{"tokenizer"}
	class := "StableDiffusionPipeline"
	switch kind {
	case "kolors":
		from, class = "kolors/tokenizer", "KolorsPipeline"
	case "sdxl":
		to, class = append(to, "tokenizer_2"), "StableDiffusionXLPipeline"
	}
	for _, dir := range to {
		if err := copyTexts(from, filepath.Join(out, dir)); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(out, "model_index.json"), fmt.Appendf(nil, "{\n  \"_class_name\": %q\n}\n", class), 0o644)
}

func copyTexts(from, to string) error {
	entries, err := fs.ReadDir(tiny.FS(), from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".safetensors") || e.Name() == "config.json" {
			continue
		}
		b, err := fs.ReadFile(tiny.FS(), from+"/"+e.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}
