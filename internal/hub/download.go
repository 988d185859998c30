package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	maxDamaged = 3       // times that a file may come with the wrong bytes
	fresh      = 1 << 20 // bytes of progress after which tries are counted anew
	maxFile    = 1 << 44
)

// fetchFile brings one file to its place, unless it is there already.
func (s *session) fetchFile(ctx context.Context, p *place, f File, t *tally) error {
	unlock, err := p.lock(ctx, f)
	if err != nil {
		return err
	}
	defer unlock()
	if ok, err := p.have(f); ok || err != nil {
		t.add(f, f.Size, max(0, f.Size))
		return err
	}
	d := &download{session: s, place: p, file: f, tally: t}
	for n := 0; ; n++ {
		before := d.received
		err := d.try(ctx)
		if err == nil {
			return nil
		}
		if d.received-before >= fresh {
			n = 0
		}
		if err := s.pause(ctx, n, err); err != nil {
			return err
		}
	}
}

// download is one file on its way.
type download struct {
	*session
	place    *place
	file     File
	tally    *tally
	part     *os.File
	counted  int64     // what the tally knows of
	received int64     // over all tries
	sum      hash.Hash // of the part, as far as it came in this try
	damaged  int
	expired  bool
}

// try asks the hub for the file, or for what is missing of it, and puts it in its place
// if it came whole and right.
func (d *download) try(ctx context.Context) error {
	part, err := d.place.openPart(d.file)
	if err != nil {
		return err
	}
	d.part = part
	defer part.Close()
	have, err := part.Seek(0, io.SeekEnd)
	if err != nil {
		return wrap(Unavailable, d.file.Path, err)
	}
	if d.file.Size >= 0 && have > d.file.Size {
		if have, err = 0, d.restart(); err != nil {
			return err
		}
	}
	f := d.file
	if have == f.Size && have > 0 { // whole, but not yet looked at
		err = d.verify(f)
	} else {
		if f, err = d.transfer(ctx, have); err != nil {
			return err
		}
		if f.Size < 0 { // nobody said how long it would be, and git's hash begins with that
			f.Size = d.counted
			err = d.verify(f)
		} else {
			err = f.matches(d.sum)
		}
	}
	if err != nil {
		return d.damage(err)
	}
	d.count(max(0, f.Size))
	return d.place.commit(d.file, part)
}

// restart throws away what came so far.
func (d *download) restart() error {
	if err := d.part.Truncate(0); err != nil {
		return wrap(Unavailable, d.file.Path, err)
	}
	_, err := d.part.Seek(0, io.SeekStart)
	return wrap(Unavailable, d.file.Path, err)
}

// damage throws away wrong bytes and asks for another try, a few times.
func (d *download) damage(err error) error {
	if err := d.restart(); err != nil {
		return err
	}
	if d.damaged++; d.damaged >= maxDamaged {
		d.place.dropPart(d.file)
		return err
	}
	return &retryable{err: err}
}

func (d *download) count(have int64) {
	d.tally.add(d.file, have, have-d.counted)
	d.counted = have
}

// transfer appends the body to the part. It returns the file with what the hub said
// about it on the way, where the listing did not.
func (d *download) transfer(ctx context.Context, have int64) (File, error) {
	f := d.file
	a, err := d.get(ctx, d.fileURL(f.Path, d.place.commitID), have)
	if err != nil {
		return f, err
	}
	defer a.close()
	if err := d.status(a, &have); err != nil {
		return f, err
	}
	f.learn(a)
	length := a.ContentLength
	if f.Size < 0 && length >= 0 {
		f.Size = have + length
	}
	if f.Size > maxFile {
		return f, fail(Unsafe, f.Path, "a file of %d bytes", f.Size)
	}
	if length >= 0 && f.Size >= 0 && have+length != f.Size {
		return f, d.damage(fail(Damaged, f.Path, "%d bytes are announced, want %d", have+length, f.Size))
	}
	return f, d.copy(a, f, have)
}

// learn takes what the hub's answers say and the listing did not.
func (f *File) learn(a *answer) {
	if f.Size < 0 {
		f.Size = a.size
	}
	if f.SHA256 == "" && f.SHA1 == "" {
		switch len(a.etag) {
		case 64:
			f.SHA256 = a.etag
		case 40:
			f.SHA1 = a.etag
		}
	}
}

// status decides by the answer's status where its body belongs.
func (d *download) status(a *answer, have *int64) error {
	switch {
	case a.StatusCode == http.StatusOK:
		if *have > 0 {
			*have = 0
			return d.restart()
		}
		return nil
	case a.StatusCode == http.StatusPartialContent && d.fits(a.Header.Get("Content-Range"), *have):
		return nil
	case a.StatusCode == http.StatusPartialContent || a.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		if err := d.restart(); err != nil {
			return err
		}
		return &retryable{err: fail(Damaged, d.file.Path, "bytes from %d were asked for, %s came", *have, a.Header.Get("Content-Range"))}
	case a.StatusCode == http.StatusForbidden && !a.atHub && !d.expired:
		d.expired = true // a signed address that is too old: the hub gives another one
		return &retryable{err: fail(Denied, d.file.Path, "status 403 from the storage")}
	}
	if a.StatusCode < 400 {
		return fail(NotAHub, d.file.Path, "status %d", a.StatusCode)
	}
	return d.problem(a, NoFile)
}

// fits reports whether a range of an answer begins where it was asked to and belongs to
// a file of the right size.
func (d *download) fits(header string, have int64) bool {
	rest, ok := strings.CutPrefix(header, "bytes ")
	span, total, ok2 := strings.Cut(rest, "/")
	from, _, ok3 := strings.Cut(span, "-")
	n, err := strconv.ParseInt(from, 10, 64)
	if !ok || !ok2 || !ok3 || err != nil || n != have || have == 0 {
		return false
	}
	return d.file.Size < 0 || total == strconv.FormatInt(d.file.Size, 10)
}

// copy appends the body, and sees that it is as long as it must be.
func (d *download) copy(a *answer, f File, have int64) error {
	limit := int64(maxFile)
	if f.Size >= 0 {
		limit = f.Size - have + 1 // one more byte shows that there are too many
	}
	d.sum, _ = f.hasher()
	if err := d.rehash(have); err != nil {
		return err
	}
	body := &watched{a.Body, a.cancel, time.AfterFunc(idleTimeout, a.cancel)}
	n, err := copyHashing(&counted{d, have}, d.sum, io.LimitReader(body, limit))
	body.timer.Stop()
	d.received += n
	got := have + n
	if w, ok := errors.AsType[*os.PathError](err); ok {
		return wrap(Unavailable, f.Path, w) // the disk
	}
	switch {
	case f.Size >= 0 && got > f.Size:
		return d.damage(fail(Damaged, f.Path, "more than %d bytes came", f.Size))
	case err != nil:
		return &retryable{err: wrap(Unavailable, f.Path, fmt.Errorf("after %d bytes: %w", got, plainCause(err)))}
	case f.Size >= 0 && got < f.Size:
		return &retryable{err: fail(Damaged, f.Path, "%d bytes came, want %d", got, f.Size)}
	}
	return nil
}

// rehash hashes what came in earlier tries, and goes to its end.
func (d *download) rehash(have int64) error {
	if _, err := d.part.Seek(0, io.SeekStart); err != nil {
		return wrap(Unavailable, d.file.Path, err)
	}
	_, err := io.CopyN(d.sum, struct{ io.Reader }{d.part}, have)
	return wrap(Unavailable, d.file.Path, err)
}

// copyHashing copies src to dst and hashes it on another core meanwhile.
func copyHashing(dst io.Writer, sum hash.Hash, src io.Reader) (n int64, err error) {
	const buffers = 4
	free, full, done := make(chan []byte, buffers), make(chan []byte, buffers), make(chan struct{})
	for range buffers {
		free <- make([]byte, 256<<10)
	}
	go func() {
		defer close(done)
		for b := range full {
			sum.Write(b)
			free <- b[:cap(b)]
		}
	}()
	defer func() { close(full); <-done }()
	for {
		b := <-free
		m, err := src.Read(b)
		if m > 0 {
			w, werr := dst.Write(b[:m])
			if n += int64(w); werr != nil {
				return n, werr
			}
			full <- b[:m]
		} else {
			free <- b
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// counted writes to the part and counts.
type counted struct {
	d    *download
	have int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.d.part.Write(b)
	c.have += int64(n)
	if c.have != c.d.file.Size { // the last bytes are reported once they are verified
		c.d.count(c.have)
	}
	return n, err
}

// verify checks the part against everything that is known about the file.
func (d *download) verify(f File) error {
	if _, err := d.part.Seek(0, io.SeekStart); err != nil {
		return wrap(Unavailable, f.Path, err)
	}
	return f.verify(d.part)
}

// verify reads r to its end and compares its size and hashes with the file's.
func (f File) verify(r io.Reader) error {
	sum, _ := f.hasher()
	n, err := io.CopyBuffer(sum, struct{ io.Reader }{r}, make([]byte, 256<<10))
	if err != nil {
		return wrap(Damaged, f.Path, err)
	}
	if f.Size >= 0 && n != f.Size {
		return &Error{Kind: Damaged, Op: "hub", Where: f.Path, What: "size", Have: strconv.FormatInt(n, 10), Want: strconv.FormatInt(f.Size, 10)}
	}
	return f.matches(sum)
}

// matches compares a hash of the file's kind with the file's.
func (f File) matches(sum hash.Hash) error {
	_, want := f.hasher()
	if have := hex.EncodeToString(sum.Sum(nil)); want != "" && have != want {
		return &Error{Kind: Damaged, Op: "hub", Where: f.Path, What: "hash", Have: have, Want: want}
	}
	return nil
}

// hasher returns the hash that the hub gives and its value; SHA-256 before git's, which
// hashes "blob SIZE", a zero byte, and the content.
func (f File) hasher() (hash.Hash, string) {
	if f.SHA256 == "" && f.SHA1 != "" && f.Size >= 0 {
		h := sha1.New()
		fmt.Fprintf(h, "blob %d\x00", f.Size)
		return h, f.SHA1
	}
	return sha256.New(), f.SHA256
}
