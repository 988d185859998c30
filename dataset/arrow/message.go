package arrow

import (
	"encoding/binary"
	"io"

	"github.com/easel-go/easel/dataset"
)

// kind is what a message is about, as Arrow's Message.fbs numbers them.
type kind uint8

const (
	kindSchema     kind = 1
	kindDictionary kind = 2
	kindBatch      kind = 3
)

const (
	maxHead   = 64 << 20
	maxBuffer = 1 << 30 // of a compressed body, unpacked
	maxRows   = 1 << 31
)

// message is one message of a stream: a head that describes it, and a body.
type message struct {
	kind     kind
	at, size int64 // with its length and its body
	rows     int64 // of a batch
}

// body returns the bytes of the whole message.
func (m message) body(r io.ReaderAt) io.Reader { return io.NewSectionReader(r, m.at, m.size) }

// walker goes from message to message. The Arrow library believes the sizes that a file
// states; here they are compared with the file's own first.
type walker struct {
	r        io.ReaderAt
	size, at int64
}

// begin finds the first message: at once in a stream, behind a mark in a file.
func (w *walker) begin() error {
	var b [8]byte
	n, err := w.r.ReadAt(b[:], 0)
	if n < len(b) {
		return damaged("%d bytes are no Arrow file (%v)", n, err)
	}
	if string(b[:6]) == "ARROW1" {
		w.at = 8
	}
	return nil
}

func damaged(format string, args ...any) error {
	return dataset.Fail(dataset.Invalid, "arrow", format, args...)
}

// next reads the head of the next message; io.EOF at the mark of the end or of the file.
func (w *walker) next() (message, error) {
	m := message{at: w.at}
	n, width, err := w.length()
	if err != nil {
		return m, err
	}
	if n > maxHead || w.at+width+n > w.size {
		return m, damaged("a head of %d bytes at byte %d of %d", n, w.at, w.size)
	}
	head := make([]byte, n)
	if _, err := w.r.ReadAt(head, w.at+width); err != nil {
		return m, err
	}
	t := root(head)
	m.kind = kind(t.uint8(1))
	if err := t.check(m.kind); err != nil {
		return m, err
	}
	body := t.int64(3)
	m.size = width + n + body
	if body < 0 || m.at+m.size > w.size {
		return m, dataset.Fail(dataset.Truncated, "arrow", "a body of %d bytes at byte %d of %d", body, w.at+width+n, w.size)
	}
	if m.kind == kindBatch || m.kind == kindDictionary {
		batch := t.table(2)
		if m.kind == kindDictionary {
			batch = batch.table(1)
		}
		m.rows = batch.int64(0)
		if err := w.checkBatch(batch, m, body); err != nil {
			return m, err
		}
	}
	w.at += m.size
	return m, nil
}

// length reads how long the next head is, and how many bytes say so: 4 before Arrow
// 0.15, 8 since.
func (w *walker) length() (n, width int64, err error) {
	var b [8]byte
	got, err := w.r.ReadAt(b[:], w.at)
	if got == 0 && err == io.EOF {
		return 0, 0, io.EOF
	}
	if got < 4 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	n, width = int64(int32(binary.LittleEndian.Uint32(b[:]))), 4
	if n == -1 {
		if got < 8 {
			return 0, 0, io.ErrUnexpectedEOF
		}
		n, width = int64(int32(binary.LittleEndian.Uint32(b[4:]))), 8
	}
	switch {
	case n == 0:
		return 0, 0, io.EOF
	case n < 8:
		return 0, 0, damaged("a head of %d bytes", n)
	}
	return n, width, nil
}

// checkBatch sees that the buffers lie in the body, and that they unpack to what memory
// can hold.
func (w *walker) checkBatch(batch table, m message, body int64) error {
	if m.rows < 0 || m.rows > maxRows || m.rows > 8*body+1<<20 {
		return damaged("a batch of %d rows in %d bytes", m.rows, body)
	}
	compressed := batch.has(3)
	unpacked := int64(0)
	for _, b := range batch.structs(2, 16) {
		at, n := int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:]))
		if at < 0 || n < 0 || at > body || n > body-at {
			return damaged("a buffer at %d of %d bytes in a body of %d", at, n, body)
		}
		if !compressed || n < 8 {
			continue
		}
		var size [8]byte
		if _, err := w.r.ReadAt(size[:], m.at+m.size-body+at); err != nil {
			return err
		}
		if v := int64(binary.LittleEndian.Uint64(size[:])); v > 0 {
			unpacked += v
		}
		if unpacked > maxBuffer || unpacked < 0 {
			return dataset.Fail(dataset.Limit, "arrow", "a batch of %d bytes unpacks to more than %d", body, int64(maxBuffer))
		}
	}
	for _, b := range batch.structs(1, 16) {
		if n := int64(binary.LittleEndian.Uint64(b)); n < 0 || n > maxRows {
			return damaged("a column of %d values", n)
		}
	}
	return nil
}
