package clip

import (
	"context"
	"fmt"
	"image"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
)

// look is a network that sees pictures, and how they are prepared for it.
type look struct {
	runner  *runner
	prepare *preparation
	size    int // side of the square it sees
	dim     int // numbers it gives per picture
	forward func(b *graph.Builder, x *graph.Node) *graph.Node
}

// maxSide bounds the pictures that a network may see, in pixels: what a config claims
// decides how much memory a batch takes.
const maxSide = 2048

func (l *look) check() error {
	if l.size > maxSide {
		return fault.Newf(fault.Limit, "clip", "a network that sees %d×%d pixels, want at most %d×%d", l.size, l.size, maxSide, maxSide)
	}
	return nil
}

// rows runs the network over pictures of any sizes, in batches, and returns a row for
// each.
func (l *look) rows(ctx context.Context, pics []image.Image) ([][]float32, error) {
	if err := checkPictures(pics); err != nil {
		return nil, err
	}
	pixels := make([]float32, min(len(pics), batches[0])*l.size*l.size*3)
	rows := make([][]float32, 0, len(pics))
	for len(rows) < len(pics) {
		batch := pics[len(rows):]
		batch = batch[:batchOf(len(batch))]
		in := pixels[:len(batch)*l.size*l.size*3]
		if err := l.fill(ctx, in, batch, len(rows)); err != nil {
			return nil, err
		}
		if err := l.run(ctx, in, len(batch), &rows); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func checkPictures(pics []image.Image) error {
	if len(pics) == 0 {
		return invalid("pictures", "none", "at least one")
	}
	for i, m := range pics {
		if m == nil || reflect.ValueOf(m).Kind() == reflect.Pointer && reflect.ValueOf(m).IsNil() {
			return invalid(fmt.Sprintf("picture %d", i), "nil", "a picture")
		}
		if m.Bounds().Empty() {
			return &fault.Error{Kind: fault.Invalid, Op: "clip", What: fmt.Sprintf("picture %d", i), Have: "without pixels", Want: "at least one"}
		}
	}
	return nil
}

// fill prepares a batch, as many pictures side by side as there are threads. from is
// the number of the first, for errors.
func (l *look) fill(ctx context.Context, out []float32, pics []image.Image, from int) error {
	n := l.size * l.size * 3
	errs := make([]error, len(pics))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(l.runner.threads, len(pics)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(pics); i = int(next.Add(1)) - 1 {
				if errs[i] = ctx.Err(); errs[i] == nil {
					errs[i] = l.prepareOne(pics[i], out[i*n:][:n], from+i)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// prepareOne also catches a foreign picture that panics.
func (l *look) prepareOne(m image.Image, out []float32, i int) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
		if err != nil {
			kind := fault.KindOf(err)
			if kind == "" {
				kind = fault.Invalid
			}
			err = &fault.Error{Kind: kind, Op: "clip", What: fmt.Sprintf("picture %d", i), Err: err}
		}
	}()
	return l.prepare.picture(m, out)
}

func (l *look) run(ctx context.Context, pixels []float32, batch int, rows *[][]float32) error {
	build := func(b *graph.Builder) *graph.Node {
		return l.forward(b, b.Input("pixels", engine.Float32, batch, l.size, l.size, 3))
	}
	use := func(out []float32) error {
		r, err := rowsOf("the picture tower's output", out, l.dim)
		*rows = append(*rows, r...)
		return err
	}
	return l.runner.run(ctx, shape{part: "pictures", batch: batch}, build, use, input{"pixels", pixels})
}
