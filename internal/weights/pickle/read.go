package pickle

import (
	"fmt"

	"github.com/easel-go/easel/internal/fault"
)

// Reader reads pickles. Its fields may be nil: then no globals and no persistent ids
// are allowed.
type Reader struct {
	// Find says what a global stands for: a Func, a Class, any value.
	Find func(Class) (any, error)
	// Persistent returns the object with an id.
	Persistent func(id any) (any, error)
	// Budget bounds the memory of all reads together, in bytes; it counts down.
	// Charge takes from it too. 0 or less: nothing may be read.
	Budget int64
}

// maxDepth bounds how deep containers may lie in each other.
const maxDepth = 100

// Read reads the pickle at the beginning of b and returns what follows it. Errors:
// Truncated, Invalid, Unsupported (globals and opcodes), Limit (budget and depth).
func (r *Reader) Read(b []byte) (value any, rest []byte, err error) {
	m := &machine{Reader: r, in: b, size: len(b)}
	if err := m.run(); err != nil {
		return nil, nil, err
	}
	if len(m.stack) != 1 {
		return nil, nil, invalid("%d values at the end, want 1", len(m.stack))
	}
	value = m.stack[0]
	if _, ok := value.(mark); ok {
		return nil, nil, invalid("a mark at the end, want a value")
	}
	if _, err := (&measure{height: map[any]int{}}).of(value, 0); err != nil {
		return nil, nil, err
	}
	return value, m.in, nil
}

// Charge takes n bytes from the budget.
func (r *Reader) Charge(n int64) error {
	if n < 0 || n > r.Budget {
		r.Budget = 0
		return fault.Newf(fault.Limit, "pickle", "more memory needed than the file's size justifies")
	}
	r.Budget -= n
	return nil
}

func invalid(format string, args ...any) error {
	return fault.Newf(fault.Invalid, "pickle", format, args...)
}

// measure finds containers that contain themselves, or lie too deep. Shared ones are
// visited once.
type measure struct{ height map[any]int }

// of returns how many containers lie in each other at and below v.
func (m *measure) of(v any, depth int) (int, error) {
	children := children(v)
	if children == nil {
		return 0, nil
	}
	const visiting = -1
	h, seen := m.height[v]
	if h == visiting {
		return 0, invalid("a container that contains itself")
	}
	if !seen {
		if depth > maxDepth {
			return 0, fault.Newf(fault.Limit, "pickle", "containers more than %d deep", maxDepth)
		}
		m.height[v] = visiting
		for _, group := range children {
			for _, c := range group {
				below, err := m.of(c, depth+1)
				if err != nil {
					return 0, err
				}
				h = max(h, below)
			}
		}
		h++
		m.height[v] = h
	}
	if depth+h > maxDepth+1 {
		return 0, fault.Newf(fault.Limit, "pickle", "containers more than %d deep", maxDepth)
	}
	return h, nil
}

// children returns what a container holds; nil for everything else.
func children(v any) [][]any {
	switch v := v.(type) {
	case *List:
		return [][]any{v.Items}
	case *Tuple:
		return [][]any{v.Items}
	case *Dict:
		return [][]any{v.Keys, v.Values}
	case *Object:
		return [][]any{v.Args, {v.State}}
	}
	return nil
}

// machine is a pickle's stack machine.
type machine struct {
	*Reader
	in    []byte
	size  int
	stack []any
	memo  []any
}

// mark is what the MARK opcode pushes.
type mark struct{}

// absent fills memo slots that nothing was put into.
type absent struct{}

func (m *machine) run() error {
	for {
		at := m.size - len(m.in)
		op, err := m.byte()
		if err != nil {
			return err
		}
		if op == '.' {
			return nil
		}
		if err := m.do(op); err != nil {
			return fmt.Errorf("byte %d, opcode %#02x: %w", at, op, err)
		}
	}
}

// take returns the next n bytes.
func (m *machine) take(n uint64) ([]byte, error) {
	if n > uint64(len(m.in)) {
		return nil, fault.Newf(fault.Truncated, "pickle", "%d bytes wanted, %d left", n, len(m.in))
	}
	b := m.in[:n]
	m.in = m.in[n:]
	return b, nil
}

func (m *machine) byte() (byte, error) {
	b, err := m.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// uint reads a little-endian number of n bytes.
func (m *machine) uint(n int) (uint64, error) {
	b, err := m.take(uint64(n))
	v := uint64(0)
	for i := range b {
		v |= uint64(b[i]) << (8 * i)
	}
	return v, err
}

// counted reads bytes after their number, which takes n bytes itself.
func (m *machine) counted(n int) ([]byte, error) {
	size, err := m.uint(n)
	if err != nil {
		return nil, err
	}
	return m.take(size)
}

// line reads up to a newline, without it.
func (m *machine) line() (string, error) {
	for i, c := range m.in {
		if c == '\n' {
			b, err := m.take(uint64(i) + 1)
			if err == nil {
				err = m.Charge(int64(i) + 16)
			}
			if err != nil {
				return "", err
			}
			return string(b[:i]), nil
		}
	}
	return "", fault.Newf(fault.Truncated, "pickle", "a line without an end")
}

// Costs in bytes, rounded up: what a slot of a growing slice takes with the copies
// that growing leaves behind; a value in an interface; a container with what
// measuring its depth takes.
const (
	slotCost      = 64
	valueCost     = 32
	containerCost = 256
)

func (m *machine) push(v any) error {
	if err := m.grow(&m.stack); err != nil {
		return err
	}
	m.stack = append(m.stack, v)
	return nil
}

// grow makes room for one more value.
func (m *machine) grow(s *[]any) error {
	if len(*s) < cap(*s) {
		return nil
	}
	n := max(64, 2*cap(*s))
	if err := m.Charge(int64(n) * 16); err != nil {
		return err
	}
	*s = append(make([]any, 0, n), *s...)
	return nil
}

// pop removes the topmost value, which is not a mark.
func (m *machine) pop() (any, error) {
	v, err := m.top()
	if err == nil {
		m.stack = m.stack[:len(m.stack)-1]
	}
	return v, err
}

// top returns the topmost value, which is not a mark.
func (m *machine) top() (any, error) {
	if len(m.stack) == 0 {
		return nil, invalid("an empty stack")
	}
	v := m.stack[len(m.stack)-1]
	if v == (mark{}) {
		return nil, invalid("a mark in the place of a value")
	}
	return v, nil
}

// sinceMark removes the topmost mark and what is above it, and returns a copy of
// that.
func (m *machine) sinceMark() ([]any, error) {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if m.stack[i] == (mark{}) {
			n := len(m.stack) - i - 1
			if err := m.Charge(int64(n)*16 + containerCost); err != nil {
				return nil, err
			}
			items := append(make([]any, 0, n), m.stack[i+1:]...)
			m.stack = m.stack[:i]
			return items, nil
		}
	}
	return nil, invalid("no mark")
}

// last removes the n topmost values and returns a copy of them.
func (m *machine) last(n int) ([]any, error) {
	if err := m.Charge(int64(n)*16 + containerCost); err != nil {
		return nil, err
	}
	items := make([]any, n)
	for i := n - 1; i >= 0; i-- {
		var err error
		if items[i], err = m.pop(); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// put keeps the topmost value in the memo. Python numbers the memo from 0 or 1 up,
// so a number far beyond the last is none it wrote.
func (m *machine) put(i uint64) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	const gap = 256
	if i > uint64(len(m.memo)+gap) {
		return invalid("memo number %d after %d", i, len(m.memo))
	}
	for uint64(len(m.memo)) <= i {
		if err := m.grow(&m.memo); err != nil {
			return err
		}
		m.memo = append(m.memo, absent{})
	}
	m.memo[i] = v
	return nil
}

func (m *machine) get(i uint64) error {
	if i >= uint64(len(m.memo)) || m.memo[i] == (absent{}) {
		return invalid("memo number %d is empty", i)
	}
	return m.push(m.memo[i])
}
