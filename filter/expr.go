package filter

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/easel-go/easel/dataset"
)

// expr is a condition of general_field_filter, made ready to be asked about a row.
type expr func(r *Row) (any, error)

// parseExpr reads a condition. The grammar, loosest first:
//
//	or    = and { "or" and }
//	and   = not { "and" not }
//	not   = "not" not | chain
//	chain = value { op value }      op: < <= > >= == != in "not in"
//	value = number | text | True | False | None | name { "." name } | "-" value | "(" or ")" | "[" … "]"
func parseExpr(text string) (expr, error) {
	p := &exprParser{text: text}
	p.next()
	e, err := p.or(0)
	if err == nil && p.tok != "" {
		err = p.bad()
	}
	return e, err
}

type exprParser struct {
	text string // what is left
	tok  string // the current token, "" at the end; texts keep their quote
}

// maxExprDepth bounds how deep a condition nests.
const maxExprDepth = 200

func (p *exprParser) bad() error {
	return fail(Invalid, "unexpected %q before %q", p.tok, p.text)
}

func (p *exprParser) next() {
	p.text = strings.TrimLeftFunc(p.text, isPySpace)
	p.tok = p.text[:tokenLen(p.text)]
	p.text = p.text[len(p.tok):]
}

func tokenLen(s string) int {
	if s == "" {
		return 0
	}
	c, size := utf8.DecodeRuneInString(s)
	switch {
	case c == '"' || c == '\'':
		for i := 1; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case byte(c):
				return i + 1
			}
		}
		return len(s)
	case c == '_' || unicode.IsLetter(c):
		return span1(s, func(c rune) bool { return c == '_' || isAlnum(c) })
	case unicode.IsDigit(c) || c == '.' && len(s) > 1 && s[1] >= '0' && s[1] <= '9':
		n := span1(s, func(c rune) bool { return c == '.' || c == '_' || isAlnum(c) })
		for n < len(s) && (s[n] == '-' || s[n] == '+') && (s[n-1] == 'e' || s[n-1] == 'E') {
			n += 1 + span1(s[n+1:], unicode.IsDigit)
		}
		return n
	}
	for _, op := range []string{"<=", ">=", "==", "!="} {
		if strings.HasPrefix(s, op) {
			return 2
		}
	}
	return size
}

func span1(s string, in func(rune) bool) int {
	if i := strings.IndexFunc(s, func(c rune) bool { return !in(c) }); i >= 0 {
		return i
	}
	return len(s)
}

// or and and follow all() and any(): the result is a bool, and what comes after the
// decision is not looked at.
func (p *exprParser) or(depth int) (expr, error) { return p.junction(depth, "or", true, p.and) }

func (p *exprParser) and(depth int) (expr, error) { return p.junction(depth, "and", false, p.not) }

func (p *exprParser) junction(depth int, word string, decides bool, operand func(int) (expr, error)) (expr, error) {
	first, err := operand(depth)
	if err != nil || p.tok != word {
		return first, err
	}
	list := []expr{first}
	for p.tok == word {
		p.next()
		e, err := operand(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return func(r *Row) (any, error) {
		for _, e := range list {
			v, err := e(r)
			if err != nil {
				return nil, err
			}
			if truthy(v) == decides {
				return decides, nil
			}
		}
		return !decides, nil
	}, nil
}

func (p *exprParser) not(depth int) (expr, error) {
	if depth++; depth > maxExprDepth {
		return nil, fail(Limit, "the condition nests more than %d deep", maxExprDepth)
	}
	if p.tok != "not" {
		return p.chain(depth)
	}
	p.next()
	e, err := p.not(depth)
	return func(r *Row) (any, error) {
		v, err := e(r)
		return !truthy(v), err
	}, err
}

func (p *exprParser) chain(depth int) (expr, error) {
	first, err := p.value(depth)
	if err != nil {
		return nil, err
	}
	ops, values := []string{}, []expr{first}
	for {
		op := p.tok
		switch op {
		default:
			if len(ops) == 0 {
				return first, nil
			}
			return comparison(ops, values), nil
		case "not":
			if p.next(); p.tok != "in" {
				return nil, p.bad()
			}
			op = "not in"
		case "<", "<=", ">", ">=", "==", "!=", "in":
		}
		p.next()
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		ops, values = append(ops, op), append(values, v)
	}
}

// comparison compares neighbours until one does not hold. A null decides at once:
// it is not in anything, and every other comparison with it is false.
func comparison(ops []string, values []expr) expr {
	return func(r *Row) (any, error) {
		vs := make([]any, len(values))
		for i, e := range values {
			var err error
			if vs[i], err = e(r); err != nil {
				return nil, err
			}
		}
		for i, op := range ops {
			if vs[i] == nil || vs[i+1] == nil {
				return op == "not in", nil
			}
			holds, err := compare(op, vs[i], vs[i+1])
			if err != nil || !holds {
				return false, err
			}
		}
		return true, nil
	}
}

func compare(op string, a, b any) (bool, error) {
	switch op {
	case "==":
		return pyEqual(a, b), nil
	case "!=":
		return !pyEqual(a, b), nil
	case "in", "not in":
		in, err := contains(a, b)
		return in == (op == "in"), err
	}
	x, xok := number(a)
	y, yok := number(b)
	c := 0
	switch s, isText := a.(string); {
	case xok && yok:
		return ordered(op, x < y, x > y, x == y), nil
	case isText:
		t, ok := b.(string)
		if ok {
			c = strings.Compare(s, t)
			return ordered(op, c < 0, c > 0, c == 0), nil
		}
	}
	return false, as("TypeError", fail(Invalid, "%q between %s and %s", op, pyTypeOf(a), pyTypeOf(b)))
}

func ordered(op string, less, more, same bool) bool {
	switch op {
	case "<":
		return less
	case "<=":
		return less || same
	case ">":
		return more
	}
	return more || same
}

func contains(a, b any) (bool, error) {
	switch b := b.(type) {
	case string:
		if s, ok := a.(string); ok {
			return strings.Contains(b, s), nil
		}
	case []any:
		for _, e := range b {
			if pyEqual(a, e) {
				return true, nil
			}
		}
		return false, nil
	case dataset.Struct:
		s, ok := a.(string)
		_, in := b.Get(s)
		return ok && in, nil
	}
	return false, as("TypeError", fail(Invalid, "%s in %s", pyTypeOf(a), pyTypeOf(b)))
}

func (p *exprParser) value(depth int) (expr, error) {
	tok := p.tok
	c, _ := utf8.DecodeRuneInString(tok)
	switch {
	case tok == "-" || tok == "+":
		return p.signed(tok, depth)
	case tok == "(" || tok == "[" || tok == "{":
		return p.list(tok, depth)
	case c == '"' || c == '\'':
		return p.text1()
	case unicode.IsDigit(c) || c == '.':
		return p.number()
	case c == '_' || unicode.IsLetter(c):
		return p.name()
	}
	return nil, p.bad()
}

func (p *exprParser) signed(sign string, depth int) (expr, error) {
	if depth++; depth > maxExprDepth {
		return nil, fail(Limit, "the condition nests more than %d deep", maxExprDepth)
	}
	p.next()
	e, err := p.value(depth)
	return func(r *Row) (any, error) {
		v, err := e(r)
		x, ok := number(v)
		switch i, whole := v.(int64); {
		case err != nil:
			return nil, err
		case !ok:
			return nil, as("TypeError", fail(Invalid, "%s%s", sign, pyTypeOf(v)))
		case sign == "+":
			return v, nil
		case whole:
			return -i, nil
		}
		return -x, nil
	}, err
}

var closing = map[string]string{"(": ")", "[": "]", "{": "}"}

// list reads a list, a tuple, a set, or an expression in parentheses.
func (p *exprParser) list(open string, depth int) (expr, error) {
	p.next()
	var items []expr
	tuple := open != "("
	for p.tok != closing[open] {
		e, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, e)
		if p.tok == "," {
			tuple = true
			p.next()
		} else if p.tok != closing[open] {
			return nil, p.bad()
		}
	}
	p.next()
	if !tuple && len(items) == 1 {
		return items[0], nil
	}
	return func(r *Row) (any, error) {
		out := make([]any, len(items))
		for i, e := range items {
			var err error
			if out[i], err = e(r); err != nil {
				return nil, err
			}
		}
		return out, nil
	}, nil
}

func constant(v any) expr { return func(*Row) (any, error) { return v, nil } }

func (p *exprParser) text1() (expr, error) {
	q := p.tok[:1]
	if len(p.tok) < 2 || !strings.HasSuffix(p.tok, q) {
		return nil, p.bad()
	}
	body := p.tok[1 : len(p.tok)-1]
	var b strings.Builder
	for i := 0; i < len(body); i++ {
		if body[i] == '\\' && i+1 < len(body) {
			i++
			if e, ok := simpleEscapes[body[i]]; ok {
				b.WriteString(e)
				continue
			}
			if body[i] != '\'' && body[i] != '"' {
				b.WriteByte('\\')
			}
		}
		b.WriteByte(body[i])
	}
	p.next()
	return constant(b.String()), nil
}

func (p *exprParser) number() (expr, error) {
	digits := strings.ReplaceAll(p.tok, "_", "")
	var v any
	if i, err := strconv.ParseInt(digits, 0, 64); err == nil {
		v = i
	} else if x, err := strconv.ParseFloat(digits, 64); err == nil {
		v = x
	} else {
		return nil, p.bad()
	}
	p.next()
	return constant(v), nil
}

var exprWords = map[string]any{"True": true, "False": false, "None": nil}

func (p *exprParser) name() (expr, error) {
	name := p.tok
	switch name {
	case "and", "or", "not", "in", "is", "if", "else", "lambda":
		return nil, p.bad()
	}
	if v, ok := exprWords[name]; ok {
		p.next()
		return constant(v), nil
	}
	path := []string{name}
	for p.next(); p.tok == "."; {
		p.next()
		path = append(path, p.tok)
		p.next()
	}
	if p.tok == "(" {
		return nil, p.bad()
	}
	return func(r *Row) (any, error) { return field(r, path), nil }, nil
}

// field returns a column, or a field within one; null if there is none.
func field(r *Row, path []string) any {
	v, _ := r.Sample.Get(path[0])
	if path[0] == statsColumn {
		v = r.Stats.fields
	}
	for _, name := range path[1:] {
		if j, ok := v.(dataset.JSON); ok {
			v = j.Value()
		}
		s, ok := v.(dataset.Struct)
		if !ok {
			return nil
		}
		v, _ = s.Get(name)
	}
	if j, ok := v.(dataset.JSON); ok {
		v = j.Value()
	}
	return v
}
