package pickle

import "github.com/easel-go/easel/internal/fault"

func containers() {
	control['t'] = func(m *machine) error {
		items, err := m.sinceMark()
		if err != nil {
			return err
		}
		return m.push(&Tuple{items})
	}
	control['l'] = func(m *machine) error {
		items, err := m.sinceMark()
		if err != nil {
			return err
		}
		return m.push(&List{items})
	}
	control[0x91] = control['l'] // frozenset
	for n := 1; n <= 3; n++ {
		control[0x84+n] = func(m *machine) error {
			items, err := m.last(n)
			if err != nil {
				return err
			}
			return m.push(&Tuple{items})
		}
	}
	control['d'] = func(m *machine) error {
		items, err := m.sinceMark()
		if err != nil {
			return err
		}
		d := &Dict{}
		if err := m.set(d, items); err != nil {
			return err
		}
		return m.push(d)
	}
	control['a'] = func(m *machine) error { return m.extend(m.last(1)) }
	control['e'] = func(m *machine) error { return m.extend(m.sinceMark()) }
	control[0x90] = control['e'] // set.update
	control['s'] = func(m *machine) error { return m.update(m.last(2)) }
	control['u'] = func(m *machine) error { return m.update(m.sinceMark()) }
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

func objects() {
	control[0x80] = protocol
	control[0x95] = frame
	control['0'] = pop
	control['1'] = func(m *machine) error { _, err := m.sinceMark(); return err }
	control['2'] = func(m *machine) error {
		v, err := m.top()
		if err != nil {
			return err
		}
		return m.push(v)
	}
	memoize()
	control['c'] = global
	control[0x93] = stackGlobal
	control['R'] = func(m *machine) error { return m.call(m.last(2)) }
	control[0x81] = control['R'] // cls.__new__(cls, *args)
	control[0x92] = newWithKeywords
	control['i'] = instance
	control['o'] = object
	control['b'] = build
	control['P'] = func(m *machine) error {
		id, err := m.line()
		if err != nil {
			return err
		}
		return m.persistent(id)
	}
	control['Q'] = func(m *machine) error {
		id, err := m.pop()
		if err != nil {
			return err
		}
		return m.persistent(id)
	}
}

func protocol(m *machine) error {
	v, err := m.byte()
	if err == nil && v > 5 {
		err = fault.Newf(fault.Unsupported, "pickle", "protocol %d, want at most 5", v)
	}
	return err
}

// frame says how many bytes may be read ahead; here they are all there already.
func frame(m *machine) error {
	n, err := m.uint(8)
	if err == nil && n > uint64(len(m.in)) {
		err = fault.Newf(fault.Truncated, "pickle", "a frame of %d bytes, %d left", n, len(m.in))
	}
	return err
}

// pop removes the topmost value or mark.
func pop(m *machine) error {
	if len(m.stack) == 0 {
		return invalid("an empty stack")
	}
	m.stack = m.stack[:len(m.stack)-1]
	return nil
}

func memoize() {
	for op, bytes := range map[byte]int{'q': 1, 'r': 4} {
		control[op] = func(m *machine) error {
			i, err := m.uint(bytes)
			if err != nil {
				return err
			}
			return m.put(i)
		}
	}
	for op, bytes := range map[byte]int{'h': 1, 'j': 4} {
		control[op] = func(m *machine) error {
			i, err := m.uint(bytes)
			if err != nil {
				return err
			}
			return m.get(i)
		}
	}
	control[0x94] = func(m *machine) error { return m.put(uint64(len(m.memo))) }
	text := func(then func(*machine, uint64) error) func(*machine) error {
		return func(m *machine) error {
			s, err := m.line()
			if err != nil {
				return err
			}
			n, err := decimal(s)
			i, ok := n.(int64)
			if err != nil || !ok || i < 0 {
				return invalid("memo number %.20q", s)
			}
			return then(m, uint64(i))
		}
	}
	control['p'] = text((*machine).put)
	control['g'] = text((*machine).get)
}

// global pushes what a module's name stands for.
func global(m *machine) error {
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

func stackGlobal(m *machine) error {
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
func newWithKeywords(m *machine) error {
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
func instance(m *machine) error {
	if err := global(m); err != nil {
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
func object(m *machine) error {
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
func build(m *machine) error {
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
