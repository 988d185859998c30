package filter

import (
	"cmp"
	"context"
	"encoding/hex"
	"iter"
	"regexp"
	"slices"
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

// Reduce keeps all samples: lines go, which count and cut see to.
func (d *lineDedup) Reduce(_ context.Context, n int, _ iter.Seq[*Row]) ([]int, error) {
	return all(n), nil
}

func lineHashes(r *Row) []any {
	v, _ := r.Sample.Get(lineHashColumn)
	list, _ := v.([]any)
	return list
}

// lineCutter removes frequent lines from samples.
type lineCutter struct {
	threshold int
	in        map[[16]byte]lineCount
	traced    map[[16]byte]*[]string // texts with the most frequent lines
	order     [][16]byte             // of traced
}

// lineCount says in how many samples a line stands, and which new line it was.
type lineCount struct{ samples, number uint32 }

// count looks at all samples. trace is the number of lines whose first two texts are to
// be remembered.
func (d *lineDedup) count(rows iter.Seq[*Row], trace int) *lineCutter {
	c := &lineCutter{threshold: d.Threshold, in: map[[16]byte]lineCount{}, traced: map[[16]byte]*[]string{}}
	seen := map[[16]byte]bool{}
	for r := range rows {
		clear(seen)
		for _, v := range lineHashes(r) {
			h, ok := lineKey(v)
			if !ok || seen[h] {
				continue
			}
			seen[h] = true
			n, old := c.in[h]
			if !old {
				n.number = uint32(len(c.in))
			}
			n.samples++
			c.in[h] = n
		}
	}
	c.choose(trace)
	return c
}

// lineKey returns the hash of a line; ok is false for one that is exempt.
func lineKey(v any) (h [16]byte, ok bool) {
	s, _ := v.(string)
	if s == "" {
		return h, false
	}
	if n, err := hex.Decode(h[:], []byte(s[:min(len(s), 32)])); err != nil || n != 16 || len(s) != 32 {
		h = shortHash(s) // a column of the data's own
	}
	return h, true
}

// choose picks the lines that are traced: the most frequent ones, first ones first.
func (c *lineCutter) choose(n int) {
	if n == 0 {
		return
	}
	for h, count := range c.in {
		if int(count.samples) > c.threshold {
			c.order = append(c.order, h)
		}
	}
	slices.SortFunc(c.order, func(a, b [16]byte) int {
		x, y := c.in[a], c.in[b]
		return cmp.Or(cmp.Compare(y.samples, x.samples), cmp.Compare(x.number, y.number))
	})
	c.order = c.order[:min(n, len(c.order))]
	for _, h := range c.order {
		c.traced[h] = new([]string)
	}
}

// cut removes the frequent lines of a sample, and the column of their hashes.
func (c *lineCutter) cut(r *Row) error {
	text, err := r.Text()
	if err != nil {
		return err
	}
	hashes := lineHashes(r)
	var kept []string
	i := 0
	for line := range strings.SplitSeq(text, "\n") {
		var v any
		if i < len(hashes) {
			v = hashes[i]
		}
		i++
		h, ok := lineKey(v)
		if !ok || int(c.in[h].samples) <= c.threshold {
			kept = append(kept, line)
		} else if texts := c.traced[h]; texts != nil && len(*texts) < 2 {
			*texts = append(*texts, text)
		}
	}
	if len(kept) < i {
		r.SetText(strings.Join(kept, "\n"))
	}
	r.Sample.Delete(lineHashColumn)
	return nil
}

// pairs returns the first two texts with each of the traced lines.
func (c *lineCutter) pairs() (all [][]string) {
	for _, h := range c.order {
		all = append(all, *c.traced[h])
	}
	return all
}
