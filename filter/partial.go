package filter

import (
	"bufio"
	"os"
	"path/filepath"
)

// partial is a file on its way: it stands under a name of its own until close.
type partial struct {
	f   *os.File
	w   *bufio.Writer
	err error
	b   []byte
}

func newPartial(path string) (*partial, error) {
	f, err := os.Create(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".partial"))
	if err != nil {
		return nil, &Error{Kind: Invalid, Op: "filter", What: "export", Err: err}
	}
	return &partial{f: f, w: bufio.NewWriterSize(f, 1<<17)}, nil
}

// buf returns an empty buffer to append to.
func (p *partial) buf() []byte { return p.b[:0] }

func (p *partial) write(b []byte) error {
	p.b = b
	if p.err == nil {
		_, p.err = p.w.Write(b)
	}
	return p.failure()
}

func (p *partial) line(b []byte) error { return p.write(append(b, '\n')) }

func (p *partial) failure() error {
	if p.err == nil {
		return nil
	}
	return &Error{Kind: Invalid, Op: "filter", What: "writing", Where: p.f.Name(), Err: p.err}
}

// flush returns the file's size.
func (p *partial) flush() (int64, error) {
	if p.err == nil {
		p.err = p.w.Flush()
	}
	st, err := p.f.Stat()
	if p.err != nil || err != nil {
		return 0, p.failure()
	}
	return st.Size(), nil
}

// close gives the file its name.
func (p *partial) close(path string) error {
	if _, err := p.flush(); err != nil {
		p.abort()
		return err
	}
	if p.err = p.f.Close(); p.err == nil {
		p.err = os.Rename(p.f.Name(), path)
	}
	err := p.failure()
	if err != nil {
		os.Remove(p.f.Name())
	}
	p.w = nil
	return err
}

// abort removes the file, unless it has its name already.
func (p *partial) abort() {
	if p == nil || p.w == nil {
		return
	}
	p.f.Close()
	os.Remove(p.f.Name())
	p.w = nil
}
