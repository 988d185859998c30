package dataset

import (
	"archive/tar"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// CreateWebDataset writes tar archives in WebDataset's form. pattern is a path with
// one verb for the shard's number, such as "out/train-%06d.tar". A sample becomes
// members that share a running number: its pictures' files as they are, its text as
// .txt, and its other columns as one .json. The archives take their names when the
// Writer is closed. Resume goes on after the last archive that was finished.
func CreateWebDataset(pattern string, opts ...WriteOption) (*Writer, error) {
	o, err := newWriteOptions(opts)
	if err != nil {
		return nil, err
	}
	dir, base := filepath.Split(filepath.Clean(pattern))
	if strings.Count(base, "%") != 1 || fmt.Sprintf(base, 1) == fmt.Sprintf(base, 2) || strings.Contains(fmt.Sprintf(base, 1), "%!") {
		return nil, &Error{Kind: Invalid, Op: "dataset", What: "pattern", Have: pattern, Want: "one verb for a number, as in train-%06d.tar"}
	}
	if dir == "" {
		dir = "."
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, failed(Invalid, pattern, err)
	}
	t := &tarSink{o: o, dir: dir, pattern: base}
	if t.root, err = os.OpenRoot(dir); err != nil {
		return nil, failed(Invalid, pattern, err)
	}
	w := &Writer{sink: t}
	if o.resume {
		if w.done, err = t.recover(); err != nil {
			t.root.Close()
			return nil, failed(Invalid, pattern, err)
		}
	}
	return w, nil
}

type tarSink struct {
	o       *writeOptions
	dir     string
	pattern string
	root    *os.Root
	shard   int // the number of the one that is open, or comes next
	samples int // in it
	file    *partialFile
	tar     *tar.Writer
}

// doneName is what a finished archive is called before all are.
func (t *tarSink) doneName(shard int) string {
	return "." + fmt.Sprintf(t.pattern, shard) + ".done"
}

// recover counts the samples of the archives that an interrupted Writer finished.
func (t *tarSink) recover() (done int, err error) {
	for ; ; t.shard++ {
		f := File{t.doneName(t.shard), t.root.FS()}
		src, err := openTar(f, &options{})
		if errors.Is(err, fs.ErrNotExist) {
			return done, nil
		}
		if err != nil {
			return 0, err
		}
		done += src.Len()
	}
}

func (t *tarSink) write(i int, s *Sample) error {
	members, size, err := tarMembers(fmt.Sprintf("%09d", i), s)
	if err != nil {
		return err
	}
	if t.file != nil && (t.samples >= t.o.samples || t.file.n+size > t.o.bytes) {
		if err := t.finish(); err != nil {
			return err
		}
	}
	if t.file == nil {
		if t.file, err = createPartial(filepath.Join(t.dir, fmt.Sprintf(t.pattern, t.shard)), nil); err != nil {
			return err
		}
		t.tar = tar.NewWriter(t.file)
	}
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.data)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg}
		if err := t.tar.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.tar.Write(m.data); err != nil {
			return err
		}
	}
	t.samples++
	return nil
}

// tarMembers makes the members of a sample, and says how much they take.
func tarMembers(key string, s *Sample) ([]tarMember, int64, error) {
	var members []tarMember
	images := s.Images()
	for i, m := range images {
		b, err := m.Bytes()
		if err != nil {
			return nil, 0, err
		}
		suffix, err := pictureSuffix(b, m)
		if err != nil {
			return nil, 0, err
		}
		if len(images) > 1 {
			suffix = fmt.Sprintf(".%d%s", i, suffix)
		}
		members = append(members, tarMember{name: key + suffix, data: b})
	}
	members = append(members, tarMember{name: key + ".txt", data: []byte(s.Text())})
	rest := Struct{}
	for _, c := range s.Fields {
		if c.Name != s.TextColumn() && !aboutPicture(c) && !strings.HasPrefix(c.Name, "__") {
			rest = append(rest, c)
		}
	}
	if len(rest) > 0 {
		members = append(members, tarMember{name: key + ".json", data: appendJSON(nil, rest, jsonStyle{})})
	}
	size := int64(0)
	for _, m := range members {
		size += 512 + (int64(len(m.data))+511)&^511
	}
	return members, size, nil
}

// finish closes the open archive; it keeps a name of its own until all are done.
func (t *tarSink) finish() error {
	err := errors.Join(t.tar.Close(), t.file.finish())
	t.file.root.Close()
	if err == nil {
		err = t.root.Rename(partialName(fmt.Sprintf(t.pattern, t.shard)), t.doneName(t.shard))
	}
	t.file, t.tar, t.samples = nil, nil, 0
	t.shard++
	return err
}

// commit gives the archives their names. Archives of an earlier, longer export that
// would stand after them are removed first.
func (t *tarSink) commit() error {
	defer t.root.Close()
	if t.file != nil {
		if err := t.finish(); err != nil {
			return err
		}
	}
	for i := t.shard; ; i++ {
		if err := t.root.Remove(fmt.Sprintf(t.pattern, i)); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return err
		}
	}
	for i := range t.shard {
		if err := t.root.Rename(t.doneName(i), fmt.Sprintf(t.pattern, i)); err != nil {
			return err
		}
	}
	return nil
}

func (t *tarSink) abort() error {
	defer t.root.Close()
	if t.file == nil {
		return nil
	}
	return t.file.abort()
}
