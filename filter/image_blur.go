package filter

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/easel-go/easel/internal/imageio"
)

func init() {
	Register("image_blur_mapper", func() Op { return &imageBlur{P: 0.2, Type: "gaussian", Radius: 2} })
}

// imageBlur replaces pictures by blurred ones, which it writes to files of their own:
// PNG or JPEG, as the picture's name says. Which ones it takes is drawn from a hash of
// the picture's path, so that it is the same in every run; Data-Juicer draws anew each
// time.
type imageBlur struct {
	P      float64 `param:"p"`         // the share of pictures that are blurred
	Type   string  `param:"blur_type"` // mean, box or gaussian, as Pillow blurs
	Radius float64 `param:"radius"`
	Dir    *string `param:"save_dir"` // null is __dj__produced_data__/image_blur_mapper beside the picture
}

func (m *imageBlur) alone() {}

func (m *imageBlur) check() error {
	switch m.Type {
	case "mean", "box", "gaussian":
	default:
		return as("ValueError", &Error{Kind: Invalid, Op: "filter", What: "image_blur_mapper: blur_type", Have: m.Type, Want: "mean, box or gaussian"})
	}
	if !(m.Radius >= 0 && m.Radius <= 1e4) {
		return as("ValueError", fail(Invalid, "image_blur_mapper: radius %v, want 0 to 10000", m.Radius))
	}
	return nil
}

const sourceColumn = "__dj__source_file__"

func (m *imageBlur) Map(_ context.Context, r *Row) ([]*Row, error) {
	pics, _, err := r.pictures()
	if err != nil {
		return nil, err
	}
	paths, sources := make([]any, len(pics)), make([]any, len(pics))
	for i, p := range pics {
		sources[i], paths[i] = p.name, p.name
		if p.name == "" && p.data == nil {
			return nil, pictureError(p.name, fs.ErrNotExist)
		}
		if p.file() == "" || !m.takes(p.name) {
			continue
		}
		if paths[i], err = m.blurred(p); err != nil {
			return nil, err
		}
	}
	if len(pics) > 0 {
		r.Sample.Set(r.key().Image, paths)
	}
	if _, ok := r.Sample.Get(sourceColumn); !ok {
		r.Sample.Set(sourceColumn, sources)
	}
	return []*Row{r}, nil
}

func (m *imageBlur) takes(name string) bool {
	sum := sha256.Sum256([]byte(name))
	return float64(binary.BigEndian.Uint32(sum[:]))/(1<<32) < m.P
}

// blurred writes the blurred picture and returns its path.
func (m *imageBlur) blurred(p picture) (string, error) {
	pic, err := p.decode()
	if err != nil {
		return "", err
	}
	path := m.pathOf(p.file())
	var buf bytes.Buffer
	switch blurred := m.blur(pic); strings.ToLower(filepath.Ext(path)) {
	case ".png":
		err = imageio.EncodePNG(&buf, blurred.RGBAImage())
	case ".jpg", ".jpeg":
		err = imageio.EncodeJPEG(&buf, blurred, imageio.JPEGOptions{})
	default:
		err = &Error{Kind: Unsupported, Op: "filter", What: "image_blur_mapper: format", Have: filepath.Ext(path), Want: ".png or .jpg"}
	}
	if err == nil {
		err = writePicture(path, buf.Bytes())
	}
	return path, err
}

// onePicture is held while a picture is written: two rows may name the same one.
var onePicture sync.Mutex

// writePicture makes a file that has its name once it is whole.
func writePicture(path string, b []byte) error {
	onePicture.Lock()
	defer onePicture.Unlock()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return &Error{Kind: Invalid, Op: "filter", What: "image_blur_mapper: save_dir", Err: err}
	}
	p, err := newPartial(path)
	if err != nil {
		return err
	}
	if err := p.write(b); err != nil {
		p.abort()
		return err
	}
	return p.close(path)
}

// pathOf names the blurred picture: a__dj_hash_#…#.png for a.png.
func (m *imageBlur) pathOf(file string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %v %s", m.Type, m.Radius, file))
	dir := filepath.Join(filepath.Dir(file), "__dj__produced_data__", "image_blur_mapper")
	if m.Dir != nil && *m.Dir != "" {
		dir = *m.Dir
	} else if env := os.Getenv("DJ_PRODUCED_DATA_DIR"); env != "" {
		dir = filepath.Join(env, "image_blur_mapper")
	}
	ext := filepath.Ext(file)
	return filepath.ToSlash(filepath.Join(dir, strings.TrimSuffix(filepath.Base(file), ext)+"__dj_hash_#"+hex.EncodeToString(sum[:])+"#"+ext))
}

func (m *imageBlur) blur(p *imageio.Picture) *imageio.Picture {
	switch m.Type {
	case "mean":
		return meanBlur(p)
	case "box":
		return boxBlur(p, float32(m.Radius), 1)
	}
	return boxBlur(p, gaussianRadius(float32(m.Radius), 3), 3)
}
