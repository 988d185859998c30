package lora_test

import (
	"fmt"
	"log"

	"github.com/easel-go/easel/diffusion"
	"github.com/easel-go/easel/examples/tiny"
	"github.com/easel-go/easel/lora"
)

func Example() {
	pipe, err := diffusion.Open("kolors", diffusion.WithFS(tiny.FS()))
	if err != nil {
		log.Fatal(err)
	}
	defer pipe.Close()
	a, err := lora.Load("lora", lora.WithFS(tiny.FS()))
	if err != nil {
		log.Fatal(err)
	}
	i := a.Info()
	fmt.Println(i.Dialect, i.Rank, i.Alpha, len(i.Layers), "layers")
	in, err := lora.Inject(pipe, a, lora.WithScale(0.8), lora.WithBlocks(lora.Blocks{"down": 0.5}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(in.Layers()[0], in.Scale())
	// Output:
	// diffusers 16 4 88 layers
	// unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_k 0.8
}
