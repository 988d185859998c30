package cpu

import (
	"sync"
	"unsafe"
)

// derived keeps forms of constant weights that cost more to make than to keep:
// panels of layers with few rows, Winograd's U. It never holds more than budget
// bytes.
type derived struct {
	mu     sync.Mutex
	budget int64
	used   int64
	forms  map[form][]float32
}

// form names a derived form: which weight, made how.
type form struct {
	weight unsafe.Pointer
	kind   string
}

// get returns the derived form of a weight, made by fill on first use, or nil if n
// numbers do not fit the budget any more.
func (d *derived) get(weight unsafe.Pointer, kind string, n int, fill func([]float32)) []float32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := form{weight, kind}
	if v, ok := d.forms[k]; ok {
		return v
	}
	if d.used+int64(n)*4 > d.budget {
		return nil
	}
	if d.forms == nil {
		d.forms = map[form][]float32{}
	}
	v := make([]float32, n)
	fill(v)
	d.forms[k], d.used = v, d.used+int64(n)*4
	return v
}

// drop forgets all forms.
func (d *derived) drop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forms, d.used = nil, 0
}

// CacheBytes returns the bytes that derived forms of weights take.
func (e *Engine) CacheBytes() int64 {
	e.derived.mu.Lock()
	defer e.derived.mu.Unlock()
	return e.derived.used
}
