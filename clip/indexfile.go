package clip

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"unsafe"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/weights"
)

// An index is a safetensors file, so that other programs can read it: vectors, float16
// [n, dim]; ids, the names in UTF-8, one after the other; id_ends, where each ends; and
// the metadata "format": "easel index 1".
const indexFormat = "easel index 1"

// OpenIndex maps an index that Save wrote.
//
// Errors: Missing, Truncated, Invalid and Shape, naming the file.
func OpenIndex(path string) (*Index, error) {
	s, dim, err := openSaved(path)
	if err != nil {
		return nil, err
	}
	return &Index{dim: dim, saved: s}, nil
}

func openSaved(path string) (_ *saved, dim int, err error) {
	src, err := weights.Open(path)
	if err != nil {
		return nil, 0, err
	}
	s := &saved{src: src}
	if dim, err = s.read(); err != nil {
		src.Close()
		return nil, 0, err
	}
	return s, dim, nil
}

// read checks a file and finds its parts.
func (s *saved) read() (dim int, err error) {
	bad := func(what, have, want string) (int, error) {
		return 0, &fault.Error{Kind: fault.Invalid, Op: "clip", Where: s.src.Path(), What: what, Have: have, Want: want}
	}
	if f := s.src.Metadata()["format"]; f != indexFormat {
		return bad("format", f, indexFormat)
	}
	v, _ := s.src.Info("vectors")
	ends, _ := s.src.Info("id_ends")
	if v.Dtype != weights.F16 || len(v.Shape) != 2 || v.Shape[1] < 1 || v.Shape[1] > maxDim || ends.Dtype != weights.I64 || !slices.Equal(ends.Shape, []int{v.Shape[0]}) {
		return bad("vectors and id_ends", fmt.Sprint(v, " and ", ends), "F16 [n dim] and I64 [n]")
	}
	s.n, dim = v.Shape[0], v.Shape[1]
	for _, part := range []struct {
		name string
		to   *[]byte
	}{{"vectors", &s.vectors}, {"ids", &s.ids}, {"id_ends", &s.ends}} {
		if *part.to, err = s.src.Bytes(part.name); err != nil {
			return 0, err
		}
	}
	if at := uintptr(unsafe.Pointer(unsafe.SliceData(s.vectors))); at%2 != 0 {
		s.vectors = slices.Clone(s.vectors)
	}
	last := int64(0)
	for i := range s.n {
		end := s.end(i)
		if end < last || end > int64(len(s.ids)) {
			return bad("id_ends", fmt.Sprintf("%d after %d at %d", end, last, i), fmt.Sprintf("rising numbers up to %d", len(s.ids)))
		}
		last = end
	}
	return dim, nil
}

func (s *saved) end(i int) int64 {
	if i < 0 {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(s.ends[8*i:]))
}

// id copies the name, so that it outlives the file.
func (s *saved) id(i int) string { return string(s.ids[s.end(i-1):s.end(i)]) }

// Save writes the index to a file, which appears under its name only when it is whole;
// what was there before stays until then. The vectors are read from the new file
// afterwards.
func (x *Index) Save(path string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return errClosedIndex
	}
	if err := x.save(path); err != nil {
		return &fault.Error{Kind: fault.KindOf(err), Op: "clip", Where: path, What: "index", Err: err}
	}
	return nil
}

func (x *Index) save(path string) error {
	temp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%08x.tmp", filepath.Base(path), rand.Uint32()))
	if err := x.write(temp); err != nil {
		os.Remove(temp)
		return err
	}
	s, _, err := openSaved(temp) // what was written can be read
	if err != nil {
		os.Remove(temp)
		return err
	}
	s.src.Close() // Windows renames no mapped file, nor onto one
	old := x.saved
	if old != nil {
		old.src.Close()
		x.saved = nil
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp)
		return x.reopen(old, err)
	}
	if s, _, err = openSaved(path); err != nil {
		x.closed = true
		return err
	}
	x.saved, x.fresh, x.ids = s, nil, nil
	return nil
}

// reopen goes back to the old file after a failure.
func (x *Index) reopen(old *saved, failure error) error {
	if old != nil {
		s, _, err := openSaved(old.src.Path())
		if err != nil {
			x.closed = true
			return err
		}
		x.saved = s
	}
	return failure
}

func (x *Index) write(path string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := x.writeTo(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

func (x *Index) writeTo(w io.Writer) error {
	var old saved
	if x.saved != nil {
		old = *x.saved
	}
	var ids []byte
	ends, at := slices.Clone(old.ends), uint64(len(old.ids))
	for _, id := range x.ids {
		ids = append(ids, id...)
		ends = binary.LittleEndian.AppendUint64(ends, at+uint64(len(ids)))
	}
	fresh := make([]byte, 0, 2*len(x.fresh))
	for _, v := range x.fresh {
		fresh = binary.LittleEndian.AppendUint16(fresh, v)
	}
	parts := [][]byte{x.header(len(old.ids) + len(ids)), ends, old.vectors, fresh, old.ids, ids}
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// header is the head of a safetensors file, padded so that the vectors begin at a
// multiple of 8: the ends of ids, the vectors, the ids.
func (x *Index) header(ids int) []byte {
	type entry struct {
		Dtype   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	n := x.len()
	vectors := 8*n + 2*n*x.dim
	text, err := json.Marshal(struct {
		Metadata map[string]string `json:"__metadata__"`
		Ends     entry             `json:"id_ends"`
		Vectors  entry             `json:"vectors"`
		IDs      entry             `json:"ids"`
	}{
		map[string]string{"format": indexFormat},
		entry{"I64", []int{n}, [2]int{0, 8 * n}},
		entry{"F16", []int{n, x.dim}, [2]int{8 * n, vectors}},
		entry{"U8", []int{ids}, [2]int{vectors, vectors + ids}},
	})
	if err != nil {
		panic(err) // numbers and fixed texts always encode
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
}
