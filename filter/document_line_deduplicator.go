package filter

import (
	"context"
	"regexp"
	"strings"
)

func init() {
	Register("document_line_deduplicator", func() Op {
		return &lineDedup{Threshold: 6, MinLength: 2, SkipBrackets: true, SkipMarkdown: true, SkipLatex: true, SkipHTML: true}
	})
}

// lineDedup removes lines that stand in more than Threshold samples. No sample goes.
type lineDedup struct {
	Threshold     int  `param:"frequency_threshold"`
	Lowercase     bool `param:"lowercase"`
	IgnoreSpecial bool `param:"ignore_special_character"`
	MinLength     int  `param:"min_line_length"` // shorter lines stay
	SkipBrackets  bool `param:"skip_brackets"`
	SkipMarkdown  bool `param:"skip_markdown_headers"`
	SkipLatex     bool `param:"skip_latex_env"`
	SkipHTML      bool `param:"skip_html_tags"`
}

var (
	latexEnvironment = regexp.MustCompile(`^\s*\\(begin|end)\{`)
	htmlTag          = regexp.MustCompile(`(?i)^\s*</?[a-z][a-z0-9]*[^>]*>?\s*$`)
)

func (d *lineDedup) Hash(_ context.Context, r *Row) error {
	if _, ok := r.Sample.Get(lineHashColumn); ok {
		return nil
	}
	text, err := r.Text()
	if err != nil {
		return err
	}
	var hashes []any
	for line := range strings.SplitSeq(text, "\n") {
		hash := ""
		if !d.exempt(line) {
			hash = d.hash(line)
		}
		hashes = append(hashes, hash)
	}
	r.Sample.Set(lineHashColumn, hashes)
	return nil
}

// exempt reports whether a line is of a kind that stays wherever it stands.
func (d *lineDedup) exempt(line string) bool {
	s := pyStrip(line)
	return pyLen(s) < d.MinLength ||
		d.SkipBrackets && strings.Trim(s, "{}[]();") == "" ||
		d.SkipMarkdown && strings.HasPrefix(s, "#") ||
		d.SkipLatex && latexEnvironment.MatchString(s) ||
		d.SkipHTML && htmlTag.MatchString(s)
}

func (d *lineDedup) hash(line string) string {
	if d.Lowercase {
		line = pyLower(line)
	}
	if d.IgnoreSpecial {
		line = onlyLetters(line)
	}
	return md5Hex(pyStrip(line))
}

func (d *lineDedup) Reduce(_ context.Context, rows []*Row) ([]int, error) {
	in := d.samplesPerLine(rows)
	like := make([]int, len(rows))
	for i, r := range rows {
		like[i] = i
		if err := d.cut(r, in); err != nil {
			return nil, err
		}
		r.Sample.Delete(lineHashColumn)
	}
	return like, nil
}

func lineHashes(r *Row) []any {
	v, _ := r.Sample.Get(lineHashColumn)
	list, _ := v.([]any)
	return list
}

// samplesPerLine counts in how many samples a line stands.
func (d *lineDedup) samplesPerLine(rows []*Row) map[string]int {
	in := map[string]int{}
	for _, r := range rows {
		seen := map[string]bool{}
		for _, h := range lineHashes(r) {
			if h, _ := h.(string); h != "" && !seen[h] {
				seen[h] = true
				in[h]++
			}
		}
	}
	return in
}

// cut removes the frequent lines of a sample.
func (d *lineDedup) cut(r *Row, in map[string]int) error {
	text, err := r.Text()
	if err != nil {
		return err
	}
	hashes := lineHashes(r)
	var kept []string
	i := 0
	for line := range strings.SplitSeq(text, "\n") {
		h := ""
		if i < len(hashes) {
			h, _ = hashes[i].(string)
		}
		i++
		if h == "" || in[h] <= d.Threshold {
			kept = append(kept, line)
		}
	}
	if len(kept) < i {
		r.SetText(strings.Join(kept, "\n"))
	}
	return nil
}
