package cpu

import (
	"unsafe"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// conv is the layer of a direct convolution: a product whose rows are pixels, with a
// segment for each tap of the kernel. Nothing is unfolded; a row table points at the
// pixels where they lie, at zeros for padding.
type conv struct {
	*taps
	op      engine.Conv2D
	kind    asm.Kind
	scatter map[int][]int32 // for each length of a range, where packed rows go
	tall    int             // rows of a group, if the pixels are rows of a matrix, or 0
}

func newConv2D(e *Engine, op engine.Conv2D) (engine.Kernel, error) {
	kind, ok := kindOf(op.Weight)
	if !ok {
		return nil, engine.ErrNotImplemented
	}
	if outH, outW := op.OutSize(); suits(op, op.In, op.Out, outH, outW) {
		return winogradConv(e, op, kind), nil
	}
	return directConv(e, op, kind), nil
}

// winogradConv is a convolution by Winograd's way.
func winogradConv(e *Engine, op engine.Conv2D, kind asm.Kind) engine.Kernel {
	outH, outW := op.OutSize()
	l := &conv{taps: tapsOf(op), op: op, kind: kind, scatter: scatter(9, asm.VectorChannels)}
	p := newWinograd(e, l, tilesOf(op), op.Batch, op.Out, outH, outW, 4*op.H*op.W*op.In)
	next := inputs(2)
	p.act, p.bias, p.item, p.residual = op.Act, next.take(op.Bias), next.take(op.Item), next.take(op.Residual)
	return p
}

// directConv is a convolution by its definition.
func directConv(e *Engine, op engine.Conv2D, kind asm.Kind) engine.Kernel {
	l := &conv{taps: tapsOf(op), op: op, kind: kind}
	next := inputs(2)
	p := &product{
		layer: l, threads: e.threads, groups: l.groups(op.Batch), tall: asm.TileRows(),
		segments: op.KH * op.KW, k: op.In, cols: op.Out, act: op.Act,
		bias: next.take(op.Bias), item: next.take(op.Item), residual: next.take(op.Residual),
	}
	if op.Compute == engine.Bfloat16 {
		l.channels /= p.round(op.Batch * op.H * op.W * op.In)
	}
	if pointwise(op) {
		l.tall = p.cut(op.Batch*op.H*op.W, 4*l.channels)
	}
	p.plan()
	l.scatter = scatters(p)
	return p
}

// pointwise reports whether a convolution is a linear layer of its pixels.
func pointwise(op engine.Conv2D) bool {
	return op.KH == 1 && op.KW == 1 && op.Stride == 1 && op.Pad == [4]int{} && op.UpH == 0 && !op.Item
}

// perRange returns how many numbers of a weight's segment the range from k on takes.
func (p *product) perRange(k int) int {
	n := min(p.kStep, p.k-k)
	if p.pairs() {
		n *= 2
	}
	return n
}

// scatters returns, for the lengths of range a product has, where row i·taps+t of a
// transposed weight goes: numbers of a tap lie together in a panel.
func scatters(p *product) map[int][]int32 {
	if p.segments == 1 {
		return nil
	}
	m := map[int][]int32{}
	for k := 0; k < p.k; k += p.kStep {
		n := p.perRange(k)
		m[n] = scatter(p.segments, n)[n]
	}
	return m
}

// scatter returns where the rows of a range of n numbers go.
func scatter(taps, n int) map[int][]int32 {
	at := make([]int32, n*taps)
	for i := range at {
		at[i] = int32(4 * asm.Columns() * (i%taps*n + i/taps))
	}
	return map[int][]int32{n: at}
}

func (l *conv) rows(_ *engine.Args, x unsafe.Pointer, g int, table []rowTable) group {
	if l.tall > 0 {
		return spacedRows(x, g, l.tall, l.op.Batch*l.op.H*l.op.W, 4*l.channels, table)
	}
	return l.group(x, 4*l.op.H*l.op.W*l.channels, g, table)
}

func (l *conv) panel(a *engine.Args, dst unsafe.Pointer, col, n, k0, k1 int) {
	taps, size := l.kh*l.kw, l.kind.Size()
	ld := size * l.op.In * taps
	asm.Panel(dst, l.scatter[k1-k0], l.kind, unsafe.Add(a.In[1].Host, col*ld+size*taps*k0), ld, n, taps*(k1-k0))
}

// convGrad is the layer of the gradient for a convolution's input: a product over the
// pixels of dx whose numbers are dy's channels.
type convGrad struct {
	*taps
	op      engine.Conv2D
	kind    asm.Kind
	scatter map[int][]int32
}

func newConv2DInputGrad(e *Engine, op engine.Conv2DInputGrad) (engine.Kernel, error) {
	kind, ok := kindOf(op.Weight)
	if !ok || op.UpH > 0 {
		return nil, engine.ErrNotImplemented
	}
	if suits(op.Conv2D, op.Out, op.In, op.H, op.W) {
		return winogradGrad(e, op.Conv2D, kind), nil
	}
	return directGrad(e, op.Conv2D, kind), nil
}

// winogradGrad is the gradient as a convolution of dy with the kernel turned round.
func winogradGrad(e *Engine, op engine.Conv2D, kind asm.Kind) engine.Kernel {
	outH, outW := op.OutSize()
	back := engine.Conv2D{Batch: op.Batch, H: outH, W: outW, In: op.Out, Out: op.In, KH: 3, KW: 3, Stride: 1}
	for i, p := range op.Pad {
		back.Pad[i] = 2 - p
	}
	l := &convGrad{taps: gradTaps(op), op: op, kind: kind, scatter: gradScatter(9, asm.VectorChannels)}
	p := newWinograd(e, l, tilesOf(back), op.Batch, op.In, op.H, op.W, 4*outH*outW*op.Out)
	p.flip = true
	return p
}

// directGrad is the gradient by its definition.
func directGrad(e *Engine, op engine.Conv2D, kind asm.Kind) engine.Kernel {
	l := &convGrad{taps: gradTaps(op), op: op, kind: kind}
	p := &product{
		layer: l, threads: e.threads, groups: l.groups(op.Batch), tall: asm.TileRows(),
		segments: op.KH * op.KW, k: op.Out, cols: op.In,
		bias: none, item: none, residual: none,
	}
	if outH, outW := op.OutSize(); op.Compute == engine.Bfloat16 {
		l.channels /= p.round(op.Batch * outH * outW * op.Out)
	}
	p.plan()
	l.scatter = map[int][]int32{}
	for k := 0; k < p.k; k += p.kStep {
		n := p.perRange(k)
		l.scatter[n] = gradScatter(p.segments, n)[n]
	}
	return p
}

// gradScatter returns where the taps of one number of a range of n go.
func gradScatter(taps, n int) map[int][]int32 {
	at := make([]int32, taps)
	for t := range at {
		at[t] = int32(4 * asm.Columns() * t * n)
	}
	return map[int][]int32{n: at}
}

func (l *convGrad) rows(_ *engine.Args, x unsafe.Pointer, g int, table []rowTable) group {
	outH, outW := l.op.OutSize()
	return l.group(x, 4*outH*outW*l.channels, g, table)
}

// panel transposes, for each output channel, the taps of n input channels.
func (l *convGrad) panel(a *engine.Args, dst unsafe.Pointer, col, n, k0, k1 int) {
	taps, size := l.kh*l.kw, l.kind.Size()
	for o := k0; o < k1; o++ {
		src := unsafe.Add(a.In[1].Host, size*taps*(o*l.op.In+col))
		asm.Panel(unsafe.Add(dst, 4*asm.Columns()*(o-k0)), l.scatter[k1-k0], l.kind, src, size*taps, n, taps)
	}
}
