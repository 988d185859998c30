package weights

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/easel-go/easel/internal/fault"
)

// maxIndex bounds the size of an index: a hundred bytes a tensor are usual.
const maxIndex = 64 << 20

// index is the file that says in which shard each tensor lies. metadata.total_size,
// which it also holds, is information only: the reference libraries do not check it.
type index struct {
	WeightMap map[string]string `json:"weight_map"`
}

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

func (o *opener) index(path string) (*index, error) {
	m, err := o.load(path)
	if err != nil {
		return nil, err
	}
	defer m.close()
	bad := func(have, want string, err error) error {
		return &fault.Error{Kind: fault.Invalid, Op: "weights", Where: path, What: "index", Have: have, Want: want, Err: err}
	}
	if len(m.data) > maxIndex {
		return nil, &fault.Error{Kind: fault.Limit, Op: "weights", Where: path, What: "index", Have: fmt.Sprintf("of %d bytes", len(m.data)), Want: fmt.Sprintf("at most %d", maxIndex)}
	}
	idx := &index{}
	if err := json.Unmarshal(m.data, idx); err != nil {
		return nil, bad("", "", err)
	}
	if len(idx.WeightMap) == 0 {
		return nil, bad("without a weight_map", "name → file", nil)
	}
	for name, file := range idx.WeightMap {
		if file == "" || file == "." || file == ".." || strings.ContainsAny(file, "/\\:\x00") || strings.HasSuffix(file, ".json") {
			return nil, bad(fmt.Sprintf("puts %s into %s", clip(name), clip(file)), "a file beside the index", nil)
		}
	}
	return idx, nil
}

func (o *opener) addShards(s *Source, idx *index) error {
	var names []string
	for _, file := range idx.WeightMap {
		names = append(names, file)
	}
	slices.Sort(names)
	for _, file := range slices.Compact(names) {
		shard, err := o.file(o.join(o.dir(s.path), file))
		if err != nil {
			return err
		}
		s.files.maps = append(s.files.maps, shard.files.maps...)
		for _, name := range shard.names {
			if home, listed := idx.WeightMap[name]; listed && home != file {
				continue
			}
			if !s.add(name, shard.entries[name]) {
				return s.fault(fault.Invalid, "tensor "+clip(name), "lies in two shards", "one")
			}
		}
	}
	for name, file := range idx.WeightMap {
		if !s.Has(name) {
			return s.fault(fault.Missing, "tensor "+clip(name), "", "in "+file)
		}
	}
	return nil
}
