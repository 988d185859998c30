package filter

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// tree is a value of a recipe with its place. Its value is nil, a bool, int64,
// float64 or string, a []tree, or an object.
type tree struct {
	value     any
	line, col int
}

// object is a mapping in the order of its keys.
type object []entry

type entry struct {
	key   string
	at    tree // where the key stands
	value tree
}

func (o object) get(key string) (tree, bool) {
	for i := range o {
		if o[i].key == key {
			return o[i].value, true
		}
	}
	return tree{}, false
}

// place spells where a value stands: "line 3, column 7".
func (t tree) place() string {
	if t.line == 0 {
		return ""
	}
	return fmt.Sprintf("line %d, column %d", t.line, t.col)
}

// maxTree bounds the values of a recipe, aliases counted as often as they are used.
const maxTree = 1 << 17

// parseTree reads one YAML document by the rules of PyYAML, which Data-Juicer's
// configurations are read with: YAML 1.1's words and numbers, 1e-4 as a number, and of
// a key that comes twice the last value; lost are the values before it. Nothing, or
// null, is an empty object.
func parseTree(b []byte) (t tree, lost []string, err error) {
	var doc yaml.Node
	err = yaml.Load(b, &doc)
	if err != nil && len(strings.TrimSpace(string(b))) == 0 {
		return tree{value: object{}}, nil, nil
	}
	if err != nil {
		return tree{}, nil, refused(2, yamlError(err))
	}
	var r treeReader
	if t, err = r.tree(&doc, 0); err != nil {
		return tree{}, nil, refused(2, err)
	}
	if t.value == nil {
		t.value = object{}
	}
	return t, r.lost, nil
}

func yamlError(err error) error {
	e := &Error{Kind: Invalid, Op: "filter", What: "YAML", Err: err}
	if l, ok := errors.AsType[*yaml.LoadError](err); ok {
		e.Where = fmt.Sprintf("line %d, column %d", l.Mark.Line, l.Mark.Column)
	}
	return e
}

// treeReader counts the values of a tree, and notes those that a second of their key
// replaces.
type treeReader struct {
	count int
	lost  []string
}

func (r *treeReader) tree(n *yaml.Node, depth int) (tree, error) {
	if r.count++; r.count > maxTree || depth > 200 {
		return tree{}, fail(Limit, "line %d: the recipe has more than %d values, or nests deeper than 200", n.Line, maxTree)
	}
	t := tree{line: n.Line, col: n.Column}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 0 {
			return t, nil
		}
		return r.tree(n.Content[0], depth)
	case yaml.AliasNode:
		return r.tree(n.Alias, depth+1)
	case yaml.SequenceNode:
		list := make([]tree, len(n.Content))
		for i, c := range n.Content {
			var err error
			if list[i], err = r.tree(c, depth+1); err != nil {
				return t, err
			}
		}
		t.value = list
	case yaml.MappingNode:
		return r.object(n, depth)
	case yaml.ScalarNode:
		t.value = scalar(n)
	}
	return t, nil
}

func (r *treeReader) object(n *yaml.Node, depth int) (tree, error) {
	t := tree{line: n.Line, col: n.Column}
	o := object{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode {
			return t, fail(Invalid, "line %d, column %d: a key must be a word", k.Line, k.Column)
		}
		v, err := r.tree(n.Content[i+1], depth+1)
		if err != nil {
			return t, err
		}
		if k.Value == "<<" && k.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 {
			o = merge(o, v)
			continue
		}
		if old, twice := o.get(k.Value); twice {
			r.lose(old, n, k)
			o = o.with(k.Value, v)
			continue
		}
		o = append(o, entry{k.Value, tree{line: k.Line, col: k.Column}, v})
	}
	t.value = o
	return t, nil
}

// lose notes a value of mapping n that its key k replaces. Those that << brought are
// meant to be replaced, and what an alias repeats is noted already.
func (r *treeReader) lose(old tree, n, k *yaml.Node) {
	note := fmt.Sprintf("%s of line %d (given again in line %d)", k.Value, old.line, k.Line)
	if old.line >= n.Line && !slices.Contains(r.lost, note) {
		r.lost = append(r.lost, note)
	}
}

// merge adds the keys of YAML's << that o lacks.
func merge(o object, v tree) object {
	switch v := v.value.(type) {
	case object:
		for _, e := range v {
			if _, ok := o.get(e.key); !ok {
				o = append(o, e)
			}
		}
	case []tree:
		for _, e := range v {
			o = merge(o, e)
		}
	}
	return o
}

func scalar(n *yaml.Node) any {
	quoted := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch {
	case n.Style&yaml.TaggedStyle != 0 && n.Tag == "!!str", quoted:
		return n.Value
	}
	return plain(n.Value)
}

var (
	yamlInt   = regexp.MustCompile(`^[-+]?(0b[0-1_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*)$`)
	yamlFloat = regexp.MustCompile(`^[-+]?([0-9][0-9_]*\.?[0-9_]*([eE][-+]?[0-9]+)?|\.[0-9][0-9_]*([eE][-+]?[0-9]+)?)$`)
)

// plain is the value of an unquoted word.
func plain(s string) any {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return nil
	case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return true
	case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return false
	case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF":
		return math.Inf(1)
	case "-.inf", "-.Inf", "-.INF":
		return math.Inf(-1)
	case ".nan", ".NaN", ".NAN":
		return math.NaN()
	}
	digits := strings.ReplaceAll(s, "_", "")
	if yamlInt.MatchString(s) {
		if i, err := strconv.ParseInt(digits, 0, 64); err == nil {
			return i
		}
	}
	if yamlFloat.MatchString(s) {
		if f, err := strconv.ParseFloat(digits, 64); err == nil {
			return f
		}
	}
	return s
}

// plainGo returns the value without its place: lists as []any, objects as a map.
func (t tree) plainGo() any {
	switch v := t.value.(type) {
	case []tree:
		out := make([]any, len(v))
		for i := range v {
			out[i] = v[i].plainGo()
		}
		return out
	case object:
		out := make(map[string]any, len(v))
		for _, e := range v {
			out[e.key] = e.value.plainGo()
		}
		return out
	}
	return t.value
}

// pyTypeOf names a value's type as Python does.
func pyTypeOf(v any) string {
	switch v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, uint64, int:
		return "int"
	case float64, float32:
		return "float"
	case string:
		return "str"
	case []tree, []any:
		return "list"
	}
	return "dict"
}
