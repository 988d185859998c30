// Package pickle reads and writes Python's pickles as data: nothing in them is ever
// run, imported or looked up.
//
// A pickle is a program for a small stack machine that builds objects. Numbers,
// strings and containers it builds here as well; where it names a function or class,
// the caller's Find says what that stands for, and a name that Find does not know
// ends the reading. Python values become
//
//	None, True, 3, 2**70, 0.5        nil, bool, int64, *big.Int, float64
//	"text", b"bytes"                 string, []byte
//	[…], (…), {…: …}, {…}            *List, *Tuple, *Dict, *List
//	an instance of a [Class]         *Object, with what it was made of
//
// All protocols from 0 to 5 are read; protocol 2 is written, which every Python and
// every version of torch understands. The opcodes are documented in Python's
// Lib/pickletools.py.
package pickle

// Dict is a dict or OrderedDict: keys and values in the order they were set. A key
// that was set twice stands there twice; the last counts.
type Dict struct {
	Keys, Values []any
}

// Set appends a key with its value.
func (d *Dict) Set(key, value any) {
	d.Keys, d.Values = append(d.Keys, key), append(d.Values, value)
}

// Get returns the value of a string key; nil if there is none.
func (d *Dict) Get(key string) any {
	for i := len(d.Keys) - 1; i >= 0; i-- {
		if d.Keys[i] == any(key) {
			return d.Values[i]
		}
	}
	return nil
}

// List is a list, set or frozenset.
type List struct{ Items []any }

// Tuple is a tuple.
type Tuple struct{ Items []any }

// Class is the name of a class or function that stands for nothing but itself: as a
// value, or as what an [Object] is an instance of.
type Class struct{ Module, Name string }

// String returns module.name.
func (c Class) String() string { return c.Module + "." + c.Name }

// Object is an instance of a Class, as inert as the class: the arguments it was made
// with, and its state.
type Object struct {
	Class Class
	Args  []any
	State any
}

// Func is what Find returns for a function or class that the pickle may call: Go
// code that makes a value of the arguments.
type Func func(args []any) (any, error)

// Call, when written, is a call of a function with arguments; it is never read.
type Call struct {
	Func Class
	Args []any
}

// Persistent, when written, is an object that lives outside the pickle, by its id;
// reading gives the id to [Reader.Persistent].
type Persistent struct{ ID any }
