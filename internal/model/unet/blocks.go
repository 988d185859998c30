package unet

import (
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
	"github.com/easel-go/easel/internal/model/block"
	"github.com/easel-go/easel/internal/nn"
)

// downBlock is one level of the way down: ResNets, each with a transformer behind it
// on the levels that have them, and a Downsample but on the last.
type downBlock struct {
	ResNets     []*block.ResNet     `weight:"resnets"`
	Attentions  []*transformer      `weight:"attentions"`
	Downsamples []*block.Downsample `weight:"downsamplers"`
}

func newDownBlock(c Config, level int, down bool) *downBlock {
	d := &downBlock{}
	in, out := c.BlockOutChannels[max(level-1, 0)], c.BlockOutChannels[level]
	for range c.LayersPerBlock {
		d.ResNets = append(d.ResNets, block.NewResNet(in, out, c.TimeEmbedDim(), c.Groups, c.NormEps))
		if c.DownCross[level] {
			d.Attentions = append(d.Attentions, newTransformer(c, level))
		}
		in = out
	}
	if down {
		d.Downsamples = []*block.Downsample{block.NewDownsample(out, [4]int{1, 1, 1, 1})}
	}
	return d
}

// forward returns the level's output, and the skips with all outputs of its layers.
func (d *downBlock) forward(b *graph.Builder, x, temb *graph.Node, text context, skips []*graph.Node) (*graph.Node, []*graph.Node) {
	for i, r := range d.ResNets {
		x = b.Within(nn.Join("resnets", itoa(i)), func() *graph.Node { return r.Forward(b, x, temb) })
		if d.Attentions != nil {
			x = b.Within(nn.Join("attentions", itoa(i)), func() *graph.Node { return d.Attentions[i].forward(b, x, text) })
		}
		skips = append(skips, x)
	}
	for _, s := range d.Downsamples {
		x = b.Within("downsamplers.0", func() *graph.Node { return s.Forward(b, x) })
		skips = append(skips, x)
	}
	return x, skips
}

// midBlock is the deepest level: a transformer between two ResNets.
type midBlock struct {
	ResNets    []*block.ResNet `weight:"resnets"`
	Attentions []*transformer  `weight:"attentions"`
}

func newMidBlock(c Config) *midBlock {
	level := len(c.BlockOutChannels) - 1
	width := c.BlockOutChannels[level]
	resnet := func() *block.ResNet {
		return block.NewResNet(width, width, c.TimeEmbedDim(), c.Groups, c.NormEps)
	}
	return &midBlock{[]*block.ResNet{resnet(), resnet()}, []*transformer{newTransformer(c, level)}}
}

func (m *midBlock) forward(b *graph.Builder, x, temb *graph.Node, text context) *graph.Node {
	x = b.Within("resnets.0", func() *graph.Node { return m.ResNets[0].Forward(b, x, temb) })
	x = b.Within("attentions.0", func() *graph.Node { return m.Attentions[0].forward(b, x, text) })
	return b.Within("resnets.1", func() *graph.Node { return m.ResNets[1].Forward(b, x, temb) })
}

// upBlock is one level of the way up. Each of its ResNets also takes a skip.
type upBlock struct {
	ResNets    []*block.ResNet   `weight:"resnets"`
	Attentions []*transformer    `weight:"attentions"`
	Upsamples  []*block.Upsample `weight:"upsamplers"`
}

func newUpBlock(c Config, level int, cross, up bool) *upBlock {
	u := &upBlock{}
	widths := c.BlockOutChannels
	in, out := widths[min(level+1, len(widths)-1)], widths[level]
	for i := range c.LayersPerBlock + 1 {
		skip := out
		if i == c.LayersPerBlock {
			skip = widths[max(level-1, 0)]
		}
		u.ResNets = append(u.ResNets, block.NewResNet(in+skip, out, c.TimeEmbedDim(), c.Groups, c.NormEps))
		if cross {
			u.Attentions = append(u.Attentions, newTransformer(c, level))
		}
		in = out
	}
	if up {
		u.Upsamples = []*block.Upsample{block.NewUpsample(out)}
	}
	return u
}

// forward takes its skips from the end of the list and returns what is left of it.
func (u *upBlock) forward(b *graph.Builder, x, temb *graph.Node, text context, skips []*graph.Node) (*graph.Node, []*graph.Node) {
	for i, r := range u.ResNets {
		last := len(skips) - 1
		skip := skips[last]
		skips = skips[:last]
		x = b.Within(nn.Join("resnets", itoa(i)), func() *graph.Node { return r.Forward(b, op.Concat(b, 3, x, skip), temb) })
		if u.Attentions != nil {
			x = b.Within(nn.Join("attentions", itoa(i)), func() *graph.Node { return u.Attentions[i].forward(b, x, text) })
		}
	}
	for _, s := range u.Upsamples {
		size := skips[len(skips)-1].Shape() // the level above has this size, odd ones included
		x = b.Within("upsamplers.0", func() *graph.Node { return s.Forward(b, x, size[1], size[2]) })
	}
	return x, skips
}
