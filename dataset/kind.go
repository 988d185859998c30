package dataset

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is the class of a column's values.
type Kind uint8

// The kinds, and the Go type of a value of each.
const (
	Null    Kind = iota // nothing is known: every value is nil
	Bool                // bool
	Int64               // int64; every signed integer
	Uint64              // uint64; every unsigned integer
	Float32             // float32; float16 too
	Float64             // float64
	String              // string
	Bytes               // []byte
	Time                // time.Time, in UTC where the file names no zone
	List                // []any, of Type.Elem
	Record              // Struct, of Type.Fields
	Picture             // Image
	Raw                 // JSON
)

var kindNames = [...]string{"null", "bool", "int64", "uint64", "float32", "float64", "string", "bytes", "time", "list", "struct", "picture", "json"}

// String returns the kind's name, such as "int64".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Type is the type of a column. Every value may also be nil.
type Type struct {
	Kind   Kind
	Elem   *Type    // of a List
	Fields []Column // of a Record
	Names  []string // of an Int64 that is a class label: the names of 0, 1, …
}

// Column is a named type.
type Column struct {
	Name string
	Type Type
}

// String spells the type: "list<struct<k: string>>".
func (t Type) String() string {
	switch {
	case t.Kind == List && t.Elem != nil:
		return "list<" + t.Elem.String() + ">"
	case t.Kind == Record:
		var b strings.Builder
		for i, f := range t.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(f.Name + ": " + f.Type.String())
		}
		return "struct<" + b.String() + ">"
	case t.Names != nil:
		return fmt.Sprintf("label%q", t.Names)
	}
	return t.Kind.String()
}

// typeOf returns the type of one value. Of what JSON holds, as Arrow reads it, strings
// that are a point in time get Time, which merges with other strings to String, and
// integers beyond int64 Float64.
func typeOf(v any, json bool) Type {
	switch v := v.(type) {
	case bool:
		return Type{Kind: Bool}
	case int64:
		return Type{Kind: Int64}
	case uint64:
		if json {
			return Type{Kind: Float64}
		}
		return Type{Kind: Uint64}
	case float32:
		return Type{Kind: Float32}
	case float64:
		return Type{Kind: Float64}
	case string:
		if json {
			if _, ok := parseTime(v); ok {
				return Type{Kind: Time}
			}
		}
		return Type{Kind: String}
	case []byte:
		return Type{Kind: Bytes}
	case time.Time:
		return Type{Kind: Time}
	case Image:
		return Type{Kind: Picture}
	case JSON:
		return Type{Kind: Raw}
	case []any:
		elem := Type{}
		for i, e := range v {
			t := typeOf(e, json)
			if i == 0 {
				elem = t
			} else {
				elem = merge(elem, t)
			}
		}
		return Type{Kind: List, Elem: &elem}
	case Struct:
		t := Type{Kind: Record, Fields: make([]Column, len(v))}
		for i, f := range v {
			t.Fields[i] = Column{f.Name, typeOf(f.Value, json)}
		}
		return t
	}
	return Type{}
}

// merge returns the type that holds values of both: null gives way, integers widen
// to floats, and what has no common type is kept as JSON text. Structs of unlike
// keys have none, as in the datasets library from 4.7 on.
func merge(a, b Type) Type {
	switch {
	case a.Kind == Null:
		return b
	case b.Kind == Null:
		return a
	case a.Kind != b.Kind:
		return mergeUnlike(a.Kind, b.Kind)
	case a.Kind == List:
		elem := merge(*a.Elem, *b.Elem)
		return Type{Kind: List, Elem: &elem}
	case a.Kind == Record:
		return mergeRecords(a, b)
	}
	return a
}

func mergeUnlike(a, b Kind) Type {
	if a > b {
		a, b = b, a
	}
	switch {
	case a == String && b == Time:
		return Type{Kind: String}
	case a >= Int64 && b <= Float64 && (b == Float32 || b == Float64):
		return Type{Kind: Float64}
	}
	return Type{Kind: Raw}
}

func mergeRecords(a, b Type) Type {
	if len(a.Fields) != len(b.Fields) {
		return Type{Kind: Raw}
	}
	m := Type{Kind: Record, Fields: slices.Clone(a.Fields)}
	for i, f := range m.Fields {
		other := b.Fields[i]
		if other.Name != f.Name {
			j := slices.IndexFunc(b.Fields, func(c Column) bool { return c.Name == f.Name })
			if j < 0 {
				return Type{Kind: Raw}
			}
			other = b.Fields[j]
		}
		m.Fields[i].Type = merge(f.Type, other.Type)
	}
	return m
}

// equalTypes reports whether the types are the same.
func equalTypes(a, b Type) bool {
	switch {
	case a.Kind != b.Kind || len(a.Fields) != len(b.Fields) || !slices.Equal(a.Names, b.Names):
		return false
	case a.Kind == List:
		return equalTypes(*a.Elem, *b.Elem)
	}
	for i := range a.Fields {
		if a.Fields[i].Name != b.Fields[i].Name || !equalTypes(a.Fields[i].Type, b.Fields[i].Type) {
			return false
		}
	}
	return true
}

// convert turns v into a value of t, a type that merge made of v's and others.
func convert(v any, t Type) any {
	if v == nil {
		return nil
	}
	switch t.Kind {
	case Float64:
		return toFloat(v)
	case Time:
		if s, ok := v.(string); ok {
			u, _ := parseTime(s)
			return u
		}
	case String:
		if u, ok := v.(time.Time); ok {
			return isoTime(u)
		}
	case Raw:
		if _, ok := v.(JSON); !ok {
			return JSON(appendJSON(nil, v, jsonStyle{}))
		}
	case List:
		if l, ok := v.([]any); ok && nested(*t.Elem) {
			for i := range l {
				l[i] = convert(l[i], *t.Elem)
			}
		}
	case Record:
		return convertRecord(v, t)
	}
	return v
}

// nested reports whether values of t may need converting at all.
func nested(t Type) bool {
	switch t.Kind {
	case Float64, Time, String, Raw, List, Record:
		return true
	}
	return false
}

func toFloat(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	case float32:
		return float64(v)
	}
	return v
}

func convertRecord(v any, t Type) any {
	s, ok := v.(Struct)
	if !ok {
		return v
	}
	same := len(s) == len(t.Fields)
	for i := range s {
		same = same && s[i].Name == t.Fields[i].Name
	}
	if !same {
		old := s
		s = make(Struct, len(t.Fields))
		for i, f := range t.Fields {
			s[i].Name = f.Name
			s[i].Value, _ = old.Get(f.Name)
		}
	}
	for i := range s {
		s[i].Value = convert(s[i].Value, t.Fields[i].Type)
	}
	return s
}

// timeForms are the strings that a JSON reader takes for points in time, as Arrow
// does: a date, maybe with a time of day to the hour, minute or second.
var timeForms = []string{"2006-01-02", "2006-01-02 15", "2006-01-02T15", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05"}

// parseTime reads a point in time in one of timeForms; a time of day may have a zone
// behind it, Z, ±hh, ±hhmm or ±hh:mm, and is taken to UTC then (Arrow 26's
// ParseTimestampISO8601).
func parseTime(s string) (time.Time, bool) {
	if len(s) < 10 || len(s) > 25 || s[4] != '-' || s[7] != '-' {
		return time.Time{}, false
	}
	s, east, ok := cutZone(s)
	if !ok {
		return time.Time{}, false
	}
	for _, form := range timeForms {
		if len(form) == len(s) {
			if t, err := time.Parse(form, s); err == nil {
				return t.Add(-east), true
			}
		}
	}
	return time.Time{}, false
}

// cutZone takes the zone off a point in time that has one behind its time of day.
func cutZone(s string) (rest string, east time.Duration, ok bool) {
	sign := strings.LastIndexAny(s, "+-")
	switch {
	case len(s) < 13:
		return s, 0, true
	case strings.HasSuffix(s, "Z"):
		return s[:len(s)-1], 0, true
	case sign < 13:
		return s, 0, true
	}
	for _, form := range []string{"15", "1504", "15:04"} {
		if clock, err := time.Parse(form, s[sign+1:]); err == nil && len(form) == len(s)-sign-1 {
			east = time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute
			if s[sign] == '-' {
				east = -east
			}
			return s[:sign], east, true
		}
	}
	return s, 0, false
}

// isoTime spells a time as Python's isoformat does: no zone for UTC, microseconds
// only if there are any.
func isoTime(t time.Time) string {
	form := "2006-01-02T15:04:05"
	if t.Nanosecond()/1000 != 0 {
		form += ".000000"
	}
	if _, off := t.Zone(); off != 0 {
		form += "-07:00"
	}
	return t.Format(form)
}
