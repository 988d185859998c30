package pickle

import "strconv"

// empty is a new, empty container.
func empty[T List | Tuple | Dict](m *machine) (any, error) { return new(T), m.Charge(containerCost) }

func (m *machine) listSinceMark() (any, error) {
	items, err := m.sinceMark()
	return &List{items}, err
}

func (m *machine) tupleSinceMark() (any, error) {
	items, err := m.sinceMark()
	return &Tuple{items}, err
}

func (m *machine) dictSinceMark() (any, error) {
	items, err := m.sinceMark()
	if err != nil {
		return nil, err
	}
	d := &Dict{}
	return d, m.set(d, items)
}

func tupleOf(n int) func(*machine) (any, error) {
	return func(m *machine) (any, error) {
		items, err := m.last(n)
		return &Tuple{items}, err
	}
}

// extend appends items to the list on the stack.
func (m *machine) extend(items []any, err error) error {
	if err != nil {
		return err
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	l, ok := v.(*List)
	if !ok {
		return invalid("items for a %T, want a list", v)
	}
	if err := m.Charge(int64(len(items)) * slotCost); err != nil {
		return err
	}
	l.Items = append(l.Items, items...)
	return nil
}

// update sets keys and values of the dict on the stack.
func (m *machine) update(items []any, err error) error {
	if err != nil {
		return err
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	d, ok := v.(*Dict)
	if !ok {
		return invalid("keys for a %T, want a dict", v)
	}
	return m.set(d, items)
}

func (m *machine) set(d *Dict, items []any) error {
	if len(items)%2 != 0 {
		return invalid("a key without a value")
	}
	if err := m.Charge(int64(len(items)) * slotCost); err != nil {
		return err
	}
	for i := 0; i < len(items); i += 2 {
		d.Set(items[i], items[i+1])
	}
	return nil
}

// memo reads a number of so many bytes and puts or gets.
func memo(bytes int, do func(*machine, uint64) error) func(*machine) error {
	return func(m *machine) error {
		i, err := m.uint(bytes)
		if err != nil {
			return err
		}
		return do(m, i)
	}
}

// memoText is memo for a number in decimal.
func memoText(do func(*machine, uint64) error) func(*machine) error {
	return func(m *machine) error {
		s, err := m.line()
		if err != nil {
			return err
		}
		i, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return invalid("memo number %.20q", s)
		}
		return do(m, i)
	}
}

func (m *machine) putNext() error { return m.put(uint64(len(m.memo))) }
