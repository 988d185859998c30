package weights

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strings"
	"sync"

	"github.com/easel-go/easel/internal/fault"
)

// readTorchZip reads what torch.save has written since 1.6: a zip archive with one
// folder of any name that holds data.pkl, data/<key> for each storage and, since
// 2.0, byteorder (torch/serialization.py, _save). Storages lie there uncompressed
// and are used in place.
func readTorchZip(path string, m *mapping) (*Source, error) {
	f := newTorchFile(path, m)
	a, err := openArchive(f, m.data)
	if err != nil {
		return nil, err
	}
	if a.swapped, err = a.byteOrder(); err != nil {
		return nil, err
	}
	program, err := a.content("data.pkl")
	if err != nil {
		return nil, err
	}
	root, rest, err := f.reader.Read(program)
	if err != nil {
		return nil, f.failed(err)
	}
	if len(rest) > 0 {
		return nil, f.fault(fault.Invalid, "data.pkl", fmt.Sprintf("goes on for %d bytes after its end", len(rest)), "")
	}
	for key, s := range f.storages {
		if err := a.storage(key, s); err != nil {
			return nil, err
		}
	}
	return f.finish(root)
}

// archive is the zip file of a checkpoint.
type archive struct {
	*torchFile
	data    []byte
	members map[string]*zip.File // by name below the top folder
}

func openArchive(f *torchFile, data []byte) (*archive, error) {
	r := &directoryReader{r: bytes.NewReader(data), left: maxDirectory}
	z, err := zip.NewReader(r, int64(len(data)))
	if r.left < 0 {
		return nil, f.fault(fault.Limit, "zip archive", "with a directory of more bytes", fmt.Sprintf("at most %d", maxDirectory))
	}
	r.left = math.MaxInt64
	if err != nil {
		return nil, &fault.Error{Kind: fault.Truncated, Op: "weights", Where: f.path, What: "zip archive", Err: err}
	}
	a := &archive{torchFile: f, data: data, members: make(map[string]*zip.File, len(z.File))}
	top, err := a.top(z)
	if err != nil {
		return nil, err
	}
	for _, member := range z.File {
		name, ok := strings.CutPrefix(member.Name, top)
		if !ok {
			continue
		}
		if a.members[name] != nil {
			return nil, f.fault(fault.Invalid, "zip archive", "holds "+clip(name)+" twice", "")
		}
		a.members[name] = member
	}
	return a, f.reader.Charge(400 * int64(len(z.File)))
}

// maxDirectory bounds the bytes read of an archive's directory, and so the memory
// its entries take: some forty thousand storages.
const maxDirectory = 4 << 20

// directoryReader fails when more is read than wanted.
type directoryReader struct {
	r    io.ReaderAt
	left int64
}

func (d *directoryReader) ReadAt(b []byte, at int64) (int, error) {
	if d.left -= int64(len(b)); d.left < 0 {
		return 0, io.ErrShortBuffer
	}
	return d.r.ReadAt(b, at)
}

// top finds the folder that holds data.pkl.
func (a *archive) top(z *zip.Reader) (string, error) {
	found := ""
	for _, member := range z.File {
		if top, ok := strings.CutSuffix(member.Name, "/data.pkl"); ok && !strings.Contains(top, "/") && found == "" {
			found = top + "/"
		}
	}
	if found == "" {
		return "", a.fault(fault.Unsupported, "zip archive", "without data.pkl", "what torch.save writes")
	}
	return found, nil
}

func (a *archive) byteOrder() (swapped bool, err error) {
	if a.members["byteorder"] == nil {
		return false, nil
	}
	b, err := a.content("byteorder")
	if err != nil {
		return false, err
	}
	switch string(b) {
	case "little":
		return false, nil
	case "big":
		return true, nil
	}
	return false, a.fault(fault.Invalid, "byteorder", clip(string(b)), "little or big")
}

// content returns a member whole, its checksum compared.
func (a *archive) content(name string) ([]byte, error) {
	member := a.members[name]
	b, err := a.stored(name, member)
	if err == nil && b == nil {
		if err = a.chargeInflated(member); err == nil {
			b, err = a.inflate(name, member)
		}
	}
	if err != nil {
		return nil, err
	}
	if crc32.ChecksumIEEE(b) != member.CRC32 {
		return nil, a.fault(fault.Invalid, name, "has another checksum than the archive says", "")
	}
	return b, nil
}

// stored returns a member's part of the file, nil if it is compressed.
func (a *archive) stored(name string, member *zip.File) ([]byte, error) {
	const encrypted = 1
	if member.Flags&encrypted != 0 {
		return nil, a.fault(fault.Unsupported, name, "is encrypted", "")
	}
	if member.Method == zip.Deflate {
		return nil, nil
	}
	if member.Method != zip.Store {
		return nil, a.fault(fault.Unsupported, name, fmt.Sprintf("is compressed by method %d", member.Method), "stored or deflated")
	}
	at, err := member.DataOffset()
	size := member.UncompressedSize64
	if err != nil || at < 0 || at > int64(len(a.data)) || size > uint64(int64(len(a.data))-at) || size != member.CompressedSize64 {
		return nil, a.fault(fault.Truncated, name, fmt.Sprintf("of %d bytes", size), "a part of the file")
	}
	return a.data[at:][:size:size], nil
}

// chargeInflated counts what inflating a member takes as memory that the file needs.
func (a *archive) chargeInflated(member *zip.File) error {
	if err := a.reader.Charge(int64(min(member.UncompressedSize64, 1<<62)) + 64<<10); err != nil {
		return a.failed(err)
	}
	return nil
}

// inflate decompresses a member, which was charged for.
func (a *archive) inflate(name string, member *zip.File) ([]byte, error) {
	size := member.UncompressedSize64
	r, err := member.Open()
	if err != nil {
		return nil, a.fault(fault.Invalid, name, err.Error(), "")
	}
	defer r.Close()
	b := aligned8(int(size))
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, a.fault(fault.Truncated, name, err.Error(), fmt.Sprintf("%d bytes", size))
	}
	if n, err := r.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		return nil, a.fault(fault.Invalid, name, "is longer than the archive says", "")
	}
	return b, nil
}

// storage finds a storage's bytes in the archive.
func (a *archive) storage(key string, s *storage) error {
	name := "data/" + key
	member := a.members[name]
	if member == nil {
		return nil // missed where a tensor needs it
	}
	need := s.len * int64(s.dtype.Bits()/8)
	if member.UncompressedSize64 < uint64(need) {
		return a.fault(fault.Truncated, name, fmt.Sprintf("has %d bytes", member.UncompressedSize64), fmt.Sprintf("%d for %d of %s", need, s.len, s.dtype))
	}
	b, err := a.stored(name, member)
	if err != nil {
		return err
	}
	if b != nil || member.UncompressedSize64 == 0 {
		s.bytes = func() ([]byte, error) { return b, nil }
		return nil
	}
	if err := a.chargeInflated(member); err != nil {
		return err
	}
	s.lazy = true
	s.bytes = sync.OnceValues(func() ([]byte, error) { return a.inflate(name, member) })
	return nil
}
