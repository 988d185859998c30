package weights

import (
	"encoding/binary"
	"fmt"
	"math/big"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/weights/pickle"
)

// The numbers that torch's legacy files begin with (torch/serialization.py).
var legacyMagic, _ = new(big.Int).SetString("1950a86a20f9469cfc6c", 16)

const legacyProtocol = 1001

// readTorchLegacy reads what torch.save wrote from 0.1.10 to 1.5: five pickles, a
// magic number, a protocol, the writer's system, the object, the list of storages'
// keys; then each storage's number of elements and its elements, little endian.
func readTorchLegacy(path string, m *mapping) (*Source, error) {
	f := newTorchFile(path, m)
	var parts [5]any
	rest := m.data
	for i := range parts {
		var err error
		if parts[i], rest, err = f.reader.Read(rest); err != nil {
			return nil, f.failed(fmt.Errorf("pickle %d of 5: %w", i+1, err))
		}
	}
	if magic, ok := parts[0].(*big.Int); !ok || magic.Cmp(legacyMagic) != 0 {
		return nil, f.fault(fault.Unsupported, "the file", "is a pickle", "one that begins with torch's magic number")
	}
	if v := parts[1]; v != any(int64(legacyProtocol)) {
		return nil, f.fault(fault.Unsupported, "protocol", fmt.Sprint(v), fmt.Sprint(legacyProtocol))
	}
	if err := f.legacyStorages(parts[4], rest); err != nil {
		return nil, err
	}
	return f.finish(parts[3])
}

// legacyStorages gives each storage its bytes, which follow in the order of keys.
func (f *torchFile) legacyStorages(keys any, rest []byte) error {
	list, ok := keys.(*pickle.List)
	if !ok {
		return f.fault(fault.Invalid, "storage keys", fmt.Sprintf("in a %T", keys), "a list")
	}
	for _, k := range list.Items {
		key, _ := k.(string)
		s := f.storages[key]
		if s == nil || s.bytes != nil {
			return f.fault(fault.Invalid, "storage "+clip(key), "is unknown or listed twice", "")
		}
		if len(rest) < 8 {
			return f.fault(fault.Truncated, "storage "+clip(key), "has no length", "")
		}
		n := binary.LittleEndian.Uint64(rest)
		rest = rest[8:]
		if n != uint64(s.len) {
			return f.fault(fault.Invalid, "storage "+clip(key), fmt.Sprintf("of %d elements", n), fmt.Sprint(s.len))
		}
		size := s.len * int64(s.dtype.Bits()/8)
		if size > int64(len(rest)) {
			return f.fault(fault.Truncated, "storage "+clip(key), fmt.Sprintf("has %d bytes", len(rest)), fmt.Sprint(size))
		}
		b := rest[:size:size]
		s.bytes = func() ([]byte, error) { return b, nil }
		rest = rest[size:]
	}
	return nil
}
