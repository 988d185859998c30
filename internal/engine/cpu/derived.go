package cpu

import (
	"sync"
	"unsafe"

	"github.com/easel-go/easel/internal/engine"
)

// derived keeps forms of constant weights that cost more to make than to read. It
// never holds more than budget bytes; what comes first stays.
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

// maker makes a derived form of the weight that a's inputs hold.
type maker interface {
	makeForm(a *engine.Args, dst []float32)
}

// get returns the derived form of a weight, made by m on first use, or nil if its n
// numbers do not fit the budget any more.
func (d *derived) get(weight unsafe.Pointer, kind string, n int, m maker, a *engine.Args) []float32 {
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
	m.makeForm(a, v)
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
