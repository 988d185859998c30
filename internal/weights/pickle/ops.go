package pickle

import "github.com/easel-go/easel/internal/fault"

// do executes one opcode other than STOP.
func (m *machine) do(op byte) error {
	if f := actions[op]; f != nil {
		return f(m)
	}
	f := values[op]
	if f == nil {
		return fault.Newf(fault.Unsupported, "pickle", "no such opcode")
	}
	v, err := f(m)
	if err == nil {
		err = m.Charge(valueCost)
	}
	if err != nil {
		return err
	}
	return m.push(v)
}

// values are the opcodes that push one new value.
var values = [256]func(*machine) (any, error){
	'(':  constant(mark{}),
	'N':  constant(nil),  // NONE
	0x88: constant(true), // NEWTRUE
	0x89: constant(false),

	'K':  fixed(1),             // BININT1
	'M':  fixed(2),             // BININT2
	'J':  (*machine).int32,     // BININT
	0x8a: long(1),              // LONG1
	0x8b: long(4),              // LONG4
	'G':  (*machine).float,     // BINFLOAT
	'I':  (*machine).intText,   // INT, and bools of protocol 0
	'L':  (*machine).longText,  // LONG
	'F':  (*machine).floatText, // FLOAT

	'X':  text(4),             // BINUNICODE
	0x8c: text(1),             // SHORT_BINUNICODE
	0x8d: text(8),             // BINUNICODE8
	'V':  (*machine).textLine, // UNICODE
	'T':  raw(4, python2),     // BINSTRING
	'U':  raw(1, python2),     // SHORT_BINSTRING
	'S':  (*machine).reprLine, // STRING
	'B':  raw(4, bytesOf),     // BINBYTES
	'C':  raw(1, bytesOf),     // SHORT_BINBYTES
	0x8e: raw(8, bytesOf),     // BINBYTES8
	0x96: raw(8, bytesOf),     // BYTEARRAY8

	']':  empty[List],               // EMPTY_LIST
	')':  empty[Tuple],              // EMPTY_TUPLE
	'}':  empty[Dict],               // EMPTY_DICT
	0x8f: empty[List],               // EMPTY_SET
	'l':  (*machine).listSinceMark,  // LIST
	0x91: (*machine).listSinceMark,  // FROZENSET
	't':  (*machine).tupleSinceMark, // TUPLE
	0x85: tupleOf(1),                // TUPLE1
	0x86: tupleOf(2),                // TUPLE2
	0x87: tupleOf(3),                // TUPLE3
	'd':  (*machine).dictSinceMark,  // DICT
}

// actions are all others.
var actions = [256]func(*machine) error{
	0x80: (*machine).protocol,      // PROTO
	0x95: (*machine).frame,         // FRAME
	'0':  (*machine).drop,          // POP
	'1':  (*machine).dropSinceMark, // POP_MARK
	'2':  (*machine).duplicate,     // DUP

	'q':  memo(1, (*machine).put),  // BINPUT
	'r':  memo(4, (*machine).put),  // LONG_BINPUT
	'h':  memo(1, (*machine).get),  // BINGET
	'j':  memo(4, (*machine).get),  // LONG_BINGET
	'p':  memoText((*machine).put), // PUT
	'g':  memoText((*machine).get), // GET
	0x94: (*machine).putNext,       // MEMOIZE

	'a':  func(m *machine) error { return m.extend(m.last(1)) },     // APPEND
	'e':  func(m *machine) error { return m.extend(m.sinceMark()) }, // APPENDS
	0x90: func(m *machine) error { return m.extend(m.sinceMark()) }, // ADDITEMS
	's':  func(m *machine) error { return m.update(m.last(2)) },     // SETITEM
	'u':  func(m *machine) error { return m.update(m.sinceMark()) }, // SETITEMS

	'c':  (*machine).global,                                   // GLOBAL
	0x93: (*machine).stackGlobal,                              // STACK_GLOBAL
	'R':  func(m *machine) error { return m.call(m.last(2)) }, // REDUCE
	0x81: func(m *machine) error { return m.call(m.last(2)) }, // NEWOBJ: cls.__new__(cls, *args)
	0x92: (*machine).newWithKeywords,                          // NEWOBJ_EX
	'i':  (*machine).instance,                                 // INST
	'o':  (*machine).object,                                   // OBJ
	'b':  (*machine).build,                                    // BUILD
	'P':  (*machine).persistentText,                           // PERSID
	'Q':  (*machine).persistentTop,                            // BINPERSID
}

func constant(v any) func(*machine) (any, error) {
	return func(*machine) (any, error) { return v, nil }
}
