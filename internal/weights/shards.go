package weights

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/easel-go/easel/internal/fault"
)

// maxIndex bounds the size of an index: a hundred bytes a tensor are usual.
const maxIndex = 64 << 20

// index says in which shard each tensor lies: {"weight_map": {name: file}}. What else
// such a file holds, metadata.total_size for one, is information only: the reference
// libraries do not check it.
type index map[string]string

// shards opens all files an index names, as one Source. Tensors come in the order of
// the shards; one that no index lists is there too, as for transformers.
func (o *opener) shards(path string) (*Source, error) {
	idx, err := o.index(path)
	if err != nil {
		return nil, err
	}
	s := newSource(path)
	if err := o.addShards(s, idx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (o *opener) index(path string) (index, error) {
	m, err := o.load(path)
	if err != nil {
		return nil, err
	}
	defer m.close()
	if len(m.data) > maxIndex {
		return nil, &fault.Error{Kind: fault.Limit, Op: "weights", Where: path, What: "index", Have: fmt.Sprintf("of %d bytes", len(m.data)), Want: fmt.Sprintf("at most %d", maxIndex)}
	}
	idx, err := parseIndex(m.data)
	if err != nil {
		return nil, &fault.Error{Kind: cmp.Or(fault.KindOf(err), fault.Invalid), Op: "weights", Where: path, What: "index", Err: err}
	}
	return idx, nil
}

func parseIndex(b []byte) (index, error) {
	if !utf8.Valid(b) {
		return nil, fault.Newf(fault.Invalid, "weights", "text that is not UTF-8")
	}
	j := &strictJSON{s: string(b)}
	idx := index{}
	err := j.object(func(key string) error {
		if key != "weight_map" {
			return j.skip(maxNesting)
		}
		return j.object(func(name string) error { return idx.read(j, name) })
	})
	if err == nil {
		err = j.end()
	}
	if err == nil && len(idx) == 0 {
		err = fault.Newf(fault.Missing, "weights", "no weight_map that names files")
	}
	return idx, err
}

// read reads the file of one tensor. Files lie beside the index.
func (idx index) read(j *strictJSON, name string) error {
	file, err := j.str()
	switch _, twice := idx[name]; {
	case err != nil:
		return err
	case twice:
		return j.wrong("a tensor that was there before")
	case len(idx) == maxTensors:
		return fault.Newf(fault.Limit, "weights", "more than %d tensors", maxTensors)
	case file == "" || file == "." || file == ".." || strings.ContainsAny(file, "/\\:\x00") || strings.HasSuffix(file, ".json"):
		return fault.Newf(fault.Invalid, "weights", "%s lies in %s, want a file beside the index", clip(name), clip(file))
	}
	idx[name] = file
	return nil
}

func (o *opener) addShards(s *Source, idx index) error {
	for _, file := range slices.Compact(slices.Sorted(maps.Values(idx))) {
		shard, err := o.file(o.join(o.dir(s.path), file))
		if err != nil {
			return err
		}
		s.files.maps = append(s.files.maps, shard.files.maps...)
		for _, name := range shard.names {
			if home, listed := idx[name]; listed && home != file {
				continue
			}
			if !s.add(name, shard.entries[name]) {
				return s.fault(fault.Invalid, "tensor "+clip(name), "lies in two shards", "one")
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(idx)) {
		if !s.Has(name) {
			return s.fault(fault.Missing, "tensor "+clip(name), "", "in "+idx[name])
		}
	}
	return nil
}
