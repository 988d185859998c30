package pickle

import "github.com/easel-go/easel/internal/fault"

func (m *machine) protocol() error {
	v, err := m.byte()
	if err == nil && v > 5 {
		err = fault.Newf(fault.Unsupported, "pickle", "protocol %d, want at most 5", v)
	}
	return err
}

// frame says how many bytes may be read ahead; here they are all there already.
func (m *machine) frame() error {
	n, err := m.uint(8)
	if err == nil && n > uint64(len(m.in)) {
		err = fault.Newf(fault.Truncated, "pickle", "a frame of %d bytes, %d left", n, len(m.in))
	}
	return err
}

// drop removes the topmost value or mark.
func (m *machine) drop() error {
	if len(m.stack) == 0 {
		return invalid("an empty stack")
	}
	m.stack = m.stack[:len(m.stack)-1]
	return nil
}

func (m *machine) dropSinceMark() error {
	_, err := m.sinceMark()
	return err
}

func (m *machine) duplicate() error {
	v, err := m.top()
	if err != nil {
		return err
	}
	return m.push(v)
}

// global pushes what a module's name stands for.
func (m *machine) global() error {
	module, err := m.line()
	if err != nil {
		return err
	}
	name, err := m.line()
	if err != nil {
		return err
	}
	return m.find(module, name)
}

func (m *machine) stackGlobal() error {
	names, err := m.last(2)
	if err != nil {
		return err
	}
	module, ok := names[0].(string)
	name, ok2 := names[1].(string)
	if !ok || !ok2 {
		return invalid("a global whose name is no text")
	}
	return m.find(module, name)
}

func (m *machine) find(module, name string) error {
	if m.Find == nil {
		return fault.Newf(fault.Unsupported, "pickle", "globals, here %.60s.%.60s", module, name)
	}
	v, err := m.Find(Class{module, name})
	if err == nil {
		err = m.Charge(slotCost)
	}
	if err != nil {
		return err
	}
	return m.push(v)
}

// call pushes what a function makes of its arguments: [function, tuple].
func (m *machine) call(items []any, err error) error {
	if err != nil {
		return err
	}
	args, ok := items[1].(*Tuple)
	if !ok {
		return invalid("arguments in a %T, want a tuple", items[1])
	}
	return m.apply(items[0], args.Items)
}

func (m *machine) apply(f any, args []any) error {
	if err := m.Charge(containerCost); err != nil {
		return err
	}
	switch f := f.(type) {
	case Func:
		v, err := f(args)
		if err != nil {
			return err
		}
		return m.push(v)
	case Class:
		return m.push(&Object{Class: f, Args: args})
	}
	return invalid("a call of a %T", f)
}

// newWithKeywords is cls.__new__(cls, *args, **keywords).
func (m *machine) newWithKeywords() error {
	items, err := m.last(3)
	if err != nil {
		return err
	}
	class, ok := items[0].(Class)
	args, ok2 := items[1].(*Tuple)
	if !ok || !ok2 {
		return invalid("a new %T with arguments in a %T", items[0], items[1])
	}
	return m.apply(class, append(args.Items[:len(args.Items):len(args.Items)], items[2]))
}

// instance is INST: class by name, arguments since the mark.
func (m *machine) instance() error {
	if err := m.global(); err != nil {
		return err
	}
	class, err := m.pop()
	if err != nil {
		return err
	}
	args, err := m.sinceMark()
	if err != nil {
		return err
	}
	return m.apply(class, args)
}

// object is OBJ: class and arguments since the mark.
func (m *machine) object() error {
	items, err := m.sinceMark()
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return invalid("an object without a class")
	}
	return m.apply(items[0], items[1:])
}

// build gives an object its state. Dicts with attributes, such as the _metadata of a
// torch state dict, keep only their items.
func (m *machine) build() error {
	state, err := m.pop()
	if err != nil {
		return err
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case *Object:
		v.State = state
	case *Dict, *List:
	default:
		return invalid("state for a %T", v)
	}
	return nil
}

func (m *machine) persistentText() error {
	id, err := m.line()
	if err != nil {
		return err
	}
	return m.persistent(id)
}

func (m *machine) persistentTop() error {
	id, err := m.pop()
	if err != nil {
		return err
	}
	return m.persistent(id)
}

func (m *machine) persistent(id any) error {
	if m.Persistent == nil {
		return fault.Newf(fault.Unsupported, "pickle", "persistent ids")
	}
	v, err := m.Persistent(id)
	if err != nil {
		return err
	}
	return m.push(v)
}
