package filter

import (
	"context"
	"iter"
	"strings"
)

func init() {
	Register("image_deduplicator", func() Op { return &imageDedup{Method: "phash"} })
}

// imageDedup drops samples whose pictures are an earlier one's, told by a perceptual
// hash of each, in order. Samples without pictures repeat nothing, unless texts count.
type imageDedup struct {
	Method       string `param:"method"` // phash, dhash, whash or ahash, of imagededup
	ConsiderText bool   `param:"consider_text"`

	text documentDedup
}

func (d *imageDedup) check() error {
	if hashMethods[d.Method] != nil {
		return nil
	}
	return as("ValueError", &Error{Kind: Invalid, Op: "filter", What: "image_deduplicator: method", Have: d.Method, Want: "phash, dhash, whash or ahash"})
}

func (d *imageDedup) Hash(ctx context.Context, r *Row) error {
	if d.ConsiderText {
		if err := d.text.Hash(ctx, r); err != nil {
			return err
		}
	}
	if _, ok := r.Sample.Get(imageHashColumn); ok {
		return nil
	}
	pics, _, err := r.pictures()
	if err != nil {
		return err
	}
	hash, err := d.hash(pics)
	if err == nil {
		r.Sample.Set(imageHashColumn, hash)
	}
	return err
}

// hash joins the hashes of the pictures; one that is named twice counts once.
func (d *imageDedup) hash(pics []picture) (string, error) {
	var b strings.Builder
	for i, p := range pics {
		if named(pics[:i], p.name) {
			continue
		}
		rgb, err := p.decode()
		if err != nil {
			return "", err
		}
		h, err := hashMethods[d.Method](rgb)
		rgb.Recycle()
		if err != nil {
			return "", pictureError(p.name, err)
		}
		b.WriteString(h)
	}
	return b.String(), nil
}

func named(pics []picture, name string) bool {
	for _, p := range pics {
		if p.name == name && name != "" {
			return true
		}
	}
	return false
}

func (d *imageDedup) key(r *Row) (string, bool) {
	v, _ := r.Sample.Get(imageHashColumn)
	h, _ := v.(string)
	if !d.ConsiderText {
		return h, h != ""
	}
	text, _ := d.text.key(r)
	return h + " " + text, true
}

func (d *imageDedup) Reduce(_ context.Context, n int, rows iter.Seq[*Row]) ([]int, error) {
	return firstOfEach(d, n, rows), nil
}
