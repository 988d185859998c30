package nn

import (
	"iter"
	"reflect"
	"strconv"
)

// Walk yields each value of type T below root, in field order, under the name that
// the weight tags spell: Walk[*Param] is the list of tensors a network asks of a
// checkpoint, Walk[*Linear] its linear layers. T may be an interface, to walk several
// kinds of layer at once.
//
// root is a struct or a pointer to one. Fields with a tag `weight:"name"` are
// followed, through pointers, interfaces, slices and arrays; an element of a slice
// adds its index to the name. A tag `weight:""` adds nothing, nor does an embedded
// struct without a tag. A nil pointer is a layer its constructor left out and is
// passed over. Fields without a tag, and unexported ones, hold no weights.
func Walk[T any](root any) iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		walk(reflect.ValueOf(root), "", yield)
	}
}

// walk yields v if it is a T, then what lies below it; false means stop.
func walk[T any](v reflect.Value, name string, yield func(string, T) bool) bool {
	if !v.IsValid() || isNil(v) {
		return true
	}
	if v.Kind() == reflect.Interface {
		return walk(v.Elem(), name, yield)
	}
	if x, ok := v.Interface().(T); ok && !yield(name, x) {
		return false
	}
	switch v.Kind() {
	case reflect.Pointer:
		return walk(v.Elem(), name, yield)
	case reflect.Slice, reflect.Array:
		return walkElements(v, name, yield)
	case reflect.Struct:
		return walkFields(v, name, yield)
	}
	return true
}

func walkElements[T any](v reflect.Value, name string, yield func(string, T) bool) bool {
	switch v.Type().Elem().Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Struct, reflect.Slice, reflect.Array:
	default:
		return true // numbers hold no layers
	}
	for i := range v.Len() {
		if !walk(v.Index(i), Join(name, strconv.Itoa(i)), yield) {
			return false
		}
	}
	return true
}

func walkFields[T any](v reflect.Value, name string, yield func(string, T) bool) bool {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		tag, tagged := f.Tag.Lookup("weight")
		if !f.IsExported() || !tagged && !f.Anonymous {
			continue
		}
		if !walk(v.Field(i), Join(name, tag), yield) {
			return false
		}
	}
	return true
}

func isNil(v reflect.Value) bool {
	return (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil()
}

// Join puts two parts of a tensor's name together; either may be empty.
func Join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "." + b
}
