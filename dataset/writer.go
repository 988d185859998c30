package dataset

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"sync"
)

// Writer writes samples in one of the forms that [Open] reads. What it writes stands
// under a name of its own, ".NAME.partial", until Close succeeds: a crash leaves the
// files that were there before, or none. It may be used from one goroutine at a time.
type Writer struct {
	sink   sink
	mu     sync.Mutex
	done   int
	err    error
	closed bool
}

// sink is one form of output.
type sink interface {
	write(i int, s *Sample) error // a failed write leaves nothing of the sample behind
	commit() error                // finish and take the final name
	abort() error                 // let go; what is complete stays for Resume
}

// A WriteOption changes how samples are written.
type WriteOption func(*writeOptions) error

type writeOptions struct {
	resume    bool
	replace   bool
	originals bool
	metadata  Metadata
	strict    bool // pandas to the letter
	samples   int
	bytes     int64
}

// Resume goes on with what an interrupted Writer left: [Writer.Done] tells how many
// samples are there already. Parquet files begin anew.
func Resume() WriteOption {
	return func(o *writeOptions) error { o.resume = true; return nil }
}

// Replace lets CreateFolder take the place of a folder that is not empty. Without it
// such a folder is an error.
func Replace() WriteOption {
	return func(o *writeOptions) error { o.replace = true; return nil }
}

// Originals keeps the pictures' files as they are instead of writing JPEGs.
func Originals() WriteOption {
	return func(o *writeOptions) error { o.originals = true; return nil }
}

// Shards begins a new WebDataset archive after so many samples or bytes, whichever
// comes first; 0 leaves one at its default, 10 000 samples and 1 GiB.
func Shards(samples int, bytes int64) WriteOption {
	return func(o *writeOptions) error {
		if samples < 0 || bytes < 0 {
			return fail(Invalid, "", "shards of %d samples or %d bytes", samples, bytes)
		}
		if samples > 0 {
			o.samples = samples
		}
		if bytes > 0 {
			o.bytes = bytes
		}
		return nil
	}
}

func newWriteOptions(opts []WriteOption) (*writeOptions, error) {
	o := &writeOptions{samples: 10000, bytes: 1 << 30}
	for _, opt := range opts {
		if err := opt(o); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// Write appends a sample. After an error about the sample alone (a damaged picture, a
// sample with Err) the Writer goes on as if it had not been given; [Writer.Done] does
// not count it.
func (w *Writer) Write(s *Sample) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return fail(Closed, "", "write after Close")
	case w.err != nil:
		return w.err
	case s.Err != nil:
		return s.Err
	}
	if err := w.sink.write(w.done, s); err != nil {
		if _, fatal := errors.AsType[*diskError](err); fatal {
			w.err = err
		}
		return failed(Invalid, s.ID, err)
	}
	w.done++
	return nil
}

// Done returns the number of samples written, with those that Resume found.
func (w *Writer) Done() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.done
}

// Close finishes the files and gives them their names. A dataset is not complete
// before Close returns nil.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	if w.err != nil {
		w.sink.abort()
		return w.err
	}
	return failed(Invalid, "", w.sink.commit())
}

// Abort lets go without giving the files their names. What was written stays as
// ".NAME.partial" for [Resume].
func (w *Writer) Abort() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	return failed(Invalid, "", w.sink.abort())
}

// diskError says that writing failed, not the sample.
type diskError struct{ error }

// Unwrap returns the cause.
func (e *diskError) Unwrap() error { return e.error }

func onDiskError(err error) error {
	if err == nil {
		return nil
	}
	return &diskError{err}
}

// partialFile is a file under its partial name, inside a folder that nothing leaves.
type partialFile struct {
	root *os.Root
	name string // the final one
	file *os.File
	buf  *bufio.Writer
	n    int64
}

// createPartial opens the partial file of path. With keep it goes on with an old one,
// cut to the length that keep returns of it.
func createPartial(path string, keep func(File) (int64, error)) (*partialFile, error) {
	dir, name := filepath.Split(filepath.Clean(path))
	if dir == "" {
		dir = "."
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, failed(Missing, path, err)
	}
	p := &partialFile{root: root, name: name}
	if err := p.open(keep); err != nil {
		root.Close()
		return nil, failed(Invalid, path, err)
	}
	return p, nil
}

func partialName(name string) string { return "." + name + ".partial" }

func (p *partialFile) open(keep func(File) (int64, error)) (err error) {
	flags := os.O_WRONLY | os.O_CREATE
	if keep == nil {
		flags |= os.O_TRUNC
	}
	if p.file, err = p.root.OpenFile(partialName(p.name), flags, 0o666); err != nil {
		return err
	}
	if keep != nil {
		if p.n, err = keep(File{partialName(p.name), p.root.FS()}); err == nil {
			if err = p.file.Truncate(p.n); err == nil {
				_, err = p.file.Seek(p.n, 0)
			}
		}
		if err != nil {
			p.file.Close()
			return err
		}
	}
	p.buf = bufio.NewWriterSize(p.file, 64<<10)
	return nil
}

// Write implements io.Writer.
func (p *partialFile) Write(b []byte) (int, error) {
	n, err := p.buf.Write(b)
	p.n += int64(n)
	return n, onDiskError(err)
}

// commit gives the file its name.
func (p *partialFile) commit() error {
	defer p.root.Close()
	if err := p.finish(); err != nil {
		return err
	}
	return p.root.Rename(partialName(p.name), p.name)
}

// finish writes everything to the disk and closes the file.
func (p *partialFile) finish() error {
	err := p.buf.Flush()
	if err == nil {
		err = p.file.Sync()
	}
	return errors.Join(err, p.file.Close())
}

func (p *partialFile) abort() error {
	defer p.root.Close()
	return errors.Join(p.buf.Flush(), p.file.Close())
}
