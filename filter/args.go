package filter

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// complaints gathers everything that is wrong with a recipe, to be said at once.
type complaints struct {
	list []string
	exit int // the exit code of dj-process; 0 means 1
}

// add adds a complaint about t. What the command line gave, which has no line, is the
// parser's business.
func (c *complaints) add(t tree, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if p := t.place(); p != "" {
		text = p + ": " + text
	} else {
		c.exit = 2
	}
	c.list = append(c.list, text)
}

// parser adds what Data-Juicer's command-line parser refuses, with exit code 2.
func (c *complaints) parser(t tree, format string, args ...any) {
	c.exit = 2
	c.add(t, format, args...)
}

func (c *complaints) err(where string) error {
	if len(c.list) == 0 {
		return nil
	}
	return refused(max(c.exit, 1), &Error{Kind: Invalid, Op: "filter", Where: where, What: strings.Join(c.list, "\n\t")})
}

// newStep makes the op called name with its arguments. What is wrong goes to bad.
func newStep(name string, args tree, keys Keys, bad *complaints) Step {
	s := Step{Name: name, Keys: keys}
	make, ok := lookup(name)
	if !ok {
		bad.add(args, "unknown op %q%s", name, suggest(name, Names()))
		return s
	}
	s.Op = make()
	fields := paramsOf(s.Op)
	common := s.common()
	o, ok := args.value.(object)
	if !ok && args.value != nil {
		bad.add(args, "%s: arguments must be names with values, not a %s", name, pyTypeOf(args.value))
	}
	for _, e := range o {
		set, known := fields[e.key]
		if !known {
			set, known = common[e.key]
		}
		if !known {
			bad.add(e.at, "%s: unknown parameter %q%s", name, e.key, suggest(e.key, sortedKeys(fields, common)))
			continue
		}
		if e.value.value == nil && kindOf(s.Op) == "filter" {
			e.value.value = unbounded(e.key)
		}
		if want := set(e.value.value); want != "" {
			bad.add(e.value, "%s: parameter %s is %v (%s), want %s", name, e.key, e.value.plainGo(), pyTypeOf(e.value.value), want)
		}
	}
	return s
}

// unbounded is what null means for a filter's bound: none.
func unbounded(name string) any {
	switch {
	case strings.HasPrefix(name, "min_"):
		return int64(-maxSize)
	case strings.HasPrefix(name, "max_"):
		return int64(maxSize)
	}
	return nil
}

// setter stores a value and returns "", or says what it wants.
type setter func(v any) (want string)

// common are the parameters that every op takes. Those that concern how Data-Juicer
// runs, and not what comes out, are taken and ignored.
func (s *Step) common() map[string]setter {
	word := func(to *string) setter { return fieldSetter(reflect.ValueOf(to).Elem(), false) }
	skip := true
	m := map[string]setter{
		"text_key": word(&s.Keys.Text), "image_key": word(&s.Keys.Image), "image_bytes_key": word(&s.Keys.ImageBytes),
		"batch_size": atLeast(1, &s.BatchSize), "num_proc": atLeast(-1, &s.Workers),
		"skip_op_error": func(v any) string {
			want := fieldSetter(reflect.ValueOf(&skip).Elem(), false)(v)
			s.StopOnError = !skip
			return want
		},
	}
	for _, name := range ignoredOpParams {
		m[name] = func(any) string { return "" }
	}
	if kindOf(s.Op) == "filter" {
		m["stats_export_path"] = func(any) string { return "" }
		for _, name := range []string{"min_closed_interval", "max_closed_interval", "reversed_range"} {
			m[name] = fieldSetter(reflect.ValueOf(new(bool)).Elem(), false)
		}
	}
	return m
}

var ignoredOpParams = []string{"audio_key", "video_key", "system_key", "instruction_key", "prompt_key", "query_key", "response_key", "history_key",
	"index_key", "work_dir", "input_columns", "output_columns", "adaptive_batching", "auto_op_parallelism", "batch_mode", "accelerator", "turbo",
	"cpu_required", "gpu_required", "mem_required", "num_cpus", "num_gpus", "memory", "runtime_env", "ray_execution_mode"}

func atLeast(min int64, to *int) setter {
	return func(v any) string {
		if v == nil {
			return ""
		}
		n, ok := wholeNumber(v)
		if !ok || n < min {
			return fmt.Sprintf("a whole number of at least %d", min)
		}
		*to = int(n)
		return ""
	}
}

func sortedKeys(maps ...map[string]setter) (names []string) {
	for _, m := range maps {
		for k := range m {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	return names
}

// paramsOf returns the setters of an op's tagged fields, those of embedded structs
// included.
func paramsOf(op Op) map[string]setter {
	m := map[string]setter{}
	v := reflect.ValueOf(op)
	if v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct {
		addParams(m, v.Elem())
	}
	return m
}

func addParams(m map[string]setter, v reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		tag, ok := f.Tag.Lookup("param")
		switch {
		case ok && v.Field(i).CanSet():
			name, opt, _ := strings.Cut(tag, ",")
			m[name] = fieldSetter(v.Field(i), opt == "not")
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			addParams(m, v.Field(i))
		}
	}
}

// fieldSetter stores into a field. not turns a bool round. Numbers go where they fit,
// as in Data-Juicer: whole floats into ints, ints into floats.
func fieldSetter(f reflect.Value, not bool) setter {
	return func(v any) string {
		if f.Kind() == reflect.Pointer {
			return setPointer(f, v)
		}
		switch f.Kind() {
		case reflect.Bool:
			b, ok := v.(bool)
			if !ok {
				return "true or false"
			}
			f.SetBool(b != not)
		case reflect.Int, reflect.Int64:
			n, ok := wholeNumber(v)
			if !ok {
				return "a whole number"
			}
			f.SetInt(n)
		case reflect.Float64:
			x, ok := number(v)
			if _, isBool := v.(bool); isBool || !ok {
				return "a number"
			}
			f.SetFloat(x)
		case reflect.String:
			s, ok := v.(string)
			if !ok {
				return "text"
			}
			f.SetString(s)
		case reflect.Slice:
			return setList(f, v)
		default:
			f.Set(reflect.ValueOf(tree{value: v}))
		}
		return ""
	}
}

func setPointer(f reflect.Value, v any) string {
	if v == nil {
		f.SetZero()
		return ""
	}
	p := reflect.New(f.Type().Elem())
	if want := fieldSetter(p.Elem(), false)(v); want != "" {
		return want + ", or null"
	}
	f.Set(p)
	return ""
}

// setList takes a list; where the field holds text, a single word is a list of one.
func setList(f reflect.Value, v any) string {
	elem := f.Type().Elem()
	if v == nil {
		f.SetZero()
		return ""
	}
	list, ok := v.([]tree)
	if !ok {
		if elem.Kind() != reflect.String {
			return "a list"
		}
		list = []tree{{value: v}}
	}
	out := reflect.MakeSlice(f.Type(), len(list), len(list))
	for i, t := range list {
		if elem.Kind() == reflect.Interface {
			if x := t.plainGo(); x != nil {
				out.Index(i).Set(reflect.ValueOf(x))
			}
			continue
		}
		if want := fieldSetter(out.Index(i), false)(t.value); want != "" {
			return "a list of " + want
		}
	}
	f.Set(out)
	return ""
}

func wholeNumber(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<63 {
			return int64(v), true
		}
	}
	return 0, false
}

// suggest names the known word that is nearest to one that is not known.
func suggest(word string, known []string) string {
	best, dist := "", 1+max(2, len(word)/3)
	for _, k := range known {
		if d := editDistance(word, k); d < dist {
			best, dist = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// editDistance is Levenshtein's, on bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := diag
			if a[i] != b[j] {
				next = 1 + min(diag, row[j], row[j+1])
			}
			diag, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
