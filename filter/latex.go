package filter

import (
	"context"
	"regexp"
	"strings"
)

func init() {
	Register("remove_comments_mapper", func() Op { return &removeComments{DocType: []string{"tex"}, Inline: true, Multiline: true} })
	Register("remove_header_mapper", func() Op { return &removeHeader{DropNoHead: true} })
	Register("remove_bibliography_mapper", func() Op { return &removeBibliography{} })
	Register("expand_macro_mapper", func() Op { return &expandMacro{} })
}

// removeComments removes LaTeX comments.
type removeComments struct {
	DocType   []string `param:"doc_type"`
	Inline    bool     `param:"inline"`    // comments behind text
	Multiline bool     `param:"multiline"` // lines that are comments
}

var (
	inlineComment = mustCompile(`[^\\]%.+$`, false, true)
	lineComment   = regexp.MustCompile(`(?m)^%.*\n?`)
)

func (m *removeComments) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (_ string, err error) {
		if !strings.Contains(text, "%") {
			return text, nil
		}
		if m.Inline {
			if text, err = inlineComment.sub(text, replacement{}); err != nil {
				return "", err
			}
		}
		if m.Multiline {
			text = lineComment.ReplaceAllString(text, "")
		}
		return text, nil
	})
}

// removeHeader removes what stands before the first LaTeX heading; a text without one
// becomes empty.
type removeHeader struct {
	DropNoHead bool `param:"drop_no_head"`
}

var heading = func() *pattern {
	var b strings.Builder
	b.WriteString(`^(.*?)(`)
	for i, name := range []string{"chapter", "part", "section", "subsection", "subsubsection", "paragraph", "subparagraph"} {
		if i > 0 {
			b.WriteString("|")
		}
		b.WriteString(`\\\b` + name + `\b\*?(?:\[(.*?)\])?\{(.*?)\}`)
	}
	b.WriteString(")")
	return mustCompile(b.String(), true, false)
}()

func (m *removeHeader) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (string, error) {
		found := false
		if strings.Contains(text, `\`) {
			var err error
			if found, err = heading.search(text); err != nil {
				return "", err
			}
		}
		switch {
		case found:
			return heading.sub(text, replacement{{group: 2}})
		case m.DropNoHead:
			return "", nil
		}
		return text, nil
	})
}

// removeBibliography cuts a LaTeX text where its bibliography or appendix begins.
type removeBibliography struct{}

var bibliography = mustCompile(`(\\appendix|\\begin\{references\}|\\begin\{REFERENCES\}|\\begin\{thebibliography\}|\\bibliography\{.*\}).*$`, true, false)

func (removeBibliography) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (string, error) {
		if !strings.Contains(text, `\`) {
			return text, nil
		}
		return bibliography.sub(text, replacement{})
	})
}

// expandMacro writes out LaTeX macros without arguments.
type expandMacro struct{}

var macroForms = []*pattern{
	mustCompile(`\\\bnewcommand\b\*?\{(\\[a-zA-Z0-9]+?)\}\{(.*?)\}$`, false, true),
	mustCompile(`\\def\s*(\\[a-zA-Z0-9]+?)\s*\{(.*?)\}$`, false, true),
}

func (expandMacro) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (string, error) {
		if !strings.Contains(text, `\newcommand`) && !strings.Contains(text, `\def`) {
			return text, nil
		}
		names, values, err := macros(text)
		if err != nil {
			return "", err
		}
		for _, name := range names {
			text = expandOne(text, name, values[name])
		}
		return text, nil
	})
}

// macros returns the names in the order in which they first come up.
func macros(text string) (names []string, values map[string]string, err error) {
	values = map[string]string{}
	runes := []rune(text)
	for _, form := range macroForms {
		all, err := form.spans(runes)
		if err != nil {
			return nil, nil, err
		}
		for _, s := range all {
			name := string(runes[s.groups[1][0]:s.groups[1][1]])
			if _, ok := values[name]; !ok {
				names = append(names, name)
			}
			values[name] = string(runes[s.groups[2][0]:s.groups[2][1]])
		}
	}
	return names, values, nil
}

// expandOne replaces the macro wherever no letter or digit follows it.
func expandOne(text, name, value string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, name)
		if i < 0 || i+len(name) == len(text) {
			return b.String() + text
		}
		end := i + len(name)
		if c := text[end]; isAlnum(rune(c)) && c < 0x80 {
			b.WriteString(text[:end])
			text = text[end:]
			continue
		}
		next := strings.IndexFunc(text[end:], func(rune) bool { return true })
		size := len(string([]rune(text[end+next:])[0]))
		b.WriteString(text[:i] + value + text[end:end+size])
		text = text[end+size:]
	}
}
