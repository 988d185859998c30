package weights

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/nn"
	"github.com/easel-go/easel/internal/weights/pickle"
)

// sparseSDXL writes a file with as many tensors and bytes as SDXL's fp16 UNet has,
// none of which are on the disk.
func sparseSDXL(b *testing.B) string {
	b.Helper()
	const tensors, size = 1680, 3_056_512 // bytes each: 5.1 GB together
	var h strings.Builder
	for i := range tensors {
		fmt.Fprintf(&h, `,"down_blocks.1.attentions.0.transformer_blocks.%d.attn1.to_q.weight":{"dtype":"F16","shape":[1,%d],"data_offsets":[%d,%d]}`, i, size/2, i*size, (i+1)*size)
	}
	header := "{" + h.String()[1:] + "}"
	path := filepath.Join(b.TempDir(), "model.safetensors")
	if err := os.WriteFile(path, append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), 0o644); err != nil {
		b.Fatal(err)
	}
	if err := os.Truncate(path, int64(8+len(header)+tensors*size)); err != nil {
		b.Skip("no sparse files here: ", err)
	}
	return path
}

func BenchmarkOpen(b *testing.B) {
	b.Run("safetensors/1680-tensors-5GB", func(b *testing.B) {
		path := sparseSDXL(b)
		b.ReportAllocs()
		tensors := 0
		for b.Loop() {
			src, err := Open(path)
			if err != nil {
				b.Fatal(err)
			}
			tensors += src.Len()
			src.Close()
		}
		b.ReportMetric(float64(tensors)/b.Elapsed().Seconds(), "tensors/s")
	})
	b.Run("torch/1680-tensors", func(b *testing.B) {
		state := &pickle.Dict{}
		for i := range 1680 {
			state.Set(fmt.Sprintf("down_blocks.%d.weight", i), tensor.New(tensor.WithShape(2, 4), tensor.WithBacking(make([]float32, 8))))
		}
		path := filepath.Join(b.TempDir(), "model.ckpt")
		if err := SaveTorch(path, state); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		tensors := 0
		for b.Loop() {
			src, err := Open(path)
			if err != nil {
				b.Fatal(err)
			}
			tensors += src.Len()
			src.Close()
		}
		b.ReportMetric(float64(tensors)/b.Elapsed().Seconds(), "tensors/s")
	})
}

func BenchmarkIdentify(b *testing.B) {
	src := newSource("list")
	for i := range 10 {
		at := fmt.Sprintf("model.diffusion_model.input_blocks.%d.0.", i)
		for j := range 100 {
			src.add(at+fmt.Sprintf("in_layers.%d.weight", j), entry{Info: Info{F16, []int{1}}})
		}
	}
	src.add("model.diffusion_model.time_embed.0.weight", entry{Info: Info{F16, []int{1}}})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Identify(src); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(src.Len())*float64(b.N)/b.Elapsed().Seconds(), "tensors/s")
}

func BenchmarkBind(b *testing.B) {
	src, err := Open(sparseSDXL(b))
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	net := &struct {
		Blocks []*layer `weight:"down_blocks.1.attentions.0.transformer_blocks"`
	}{}
	for range src.Len() {
		net.Blocks = append(net.Blocks, &layer{nn.NewParam(1, 3_056_512/2)})
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := Bind(net, src, ""); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(src.Len())*float64(b.N)/b.Elapsed().Seconds(), "tensors/s")
}

type layer struct {
	Query *nn.Param `weight:"attn1.to_q.weight"`
}

func BenchmarkWriteTorch(b *testing.B) {
	x := tensor.New(tensor.WithShape(1024, 1024), tensor.WithBacking(make([]float32, 1<<20)))
	b.SetBytes(1 << 22)
	for b.Loop() {
		if err := WriteTorch(io.Discard, &pickle.Dict{Keys: []any{"x"}, Values: []any{x}}); err != nil {
			b.Fatal(err)
		}
	}
}
