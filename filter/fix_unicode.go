package filter

import (
	"context"
	"strings"

	"golang.org/x/text/unicode/norm"
)

func init() {
	Register("fix_unicode_mapper", func() Op { return &fixUnicode{} })
}

// fixUnicode repairs texts as the Python package ftfy 6.3.1 does: mojibake, HTML
// entities, ligatures, full-width forms, curly quotes, line ends and control
// characters; then it normalises them.
type fixUnicode struct {
	Form *string `param:"normalization"` // NFC, the default, or NFKC, NFD, NFKD

	form norm.Form
}

var normForms = map[string]norm.Form{"": norm.NFC, "NFC": norm.NFC, "NFKC": norm.NFKC, "NFD": norm.NFD, "NFKD": norm.NFKD}

func (m *fixUnicode) check() error {
	name := ""
	if m.Form != nil {
		name = strings.ToUpper(*m.Form)
	}
	form, ok := normForms[name]
	if !ok {
		return as("ValueError", &Error{Kind: Invalid, Op: "filter", What: "normalization", Have: name, Want: "NFC, NFKC, NFD or NFKD"})
	}
	m.form = form
	return nil
}

func (m *fixUnicode) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (string, error) { return fixText(text, m.form), nil })
}

// maxSegment is the number of code points after which a line is cut for repair.
const maxSegment = 1_000_000

// fixText repairs a text line by line. A < means that it is HTML, whose entities are
// left alone from there on.
func fixText(text string, form norm.Form) string {
	if plainASCII(text) {
		return text
	}
	var b strings.Builder
	entities := true
	for text != "" {
		line, rest := cutLine(text)
		entities = entities && !strings.Contains(line, "<")
		b.WriteString(fixLine(line, entities, form))
		text = rest
	}
	return b.String()
}

// plainASCII reports whether no repair can concern the text.
func plainASCII(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= 0x7f || c < 0x20 && c != '\n' && c != '\t' && c != '\f' || c == '&' {
			return false
		}
	}
	return true
}

func cutLine(text string) (line, rest string) {
	end := strings.IndexByte(text, '\n') + 1
	if end == 0 {
		end = len(text)
	}
	if end > maxSegment {
		n := 0
		for i := range text[:end] {
			if n == maxSegment {
				end = i
				break
			}
			n++
		}
	}
	return text[:end], text[end:]
}

// fixLine repeats all repairs until nothing changes.
func fixLine(text string, entities bool, form norm.Form) string {
	for {
		before := text
		if entities {
			text = unescapeEntities(text)
		}
		text = fixEncoding(text)
		text = fixC1(text)
		text = ligatures.Replace(text)
		text = normalWidth(text)
		text = straightQuotes.Replace(text)
		text = lineBreaks.Replace(text)
		text = terminalEscape.ReplaceAllString(text, "")
		text = strings.Map(dropControl, text)
		text = form.String(text)
		if text == before {
			return text
		}
	}
}

var ligatures = strings.NewReplacer("Ĳ", "IJ", "ĳ", "ij", "ŉ", "ʼn", "Ǳ", "DZ", "ǲ", "Dz", "ǳ", "dz", "Ǆ", "DŽ", "ǅ", "Dž", "ǆ", "dž",
	"Ǉ", "LJ", "ǈ", "Lj", "ǉ", "lj", "Ǌ", "NJ", "ǋ", "Nj", "ǌ", "nj", "ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi", "ﬄ", "ffl", "ﬅ", "ſt", "ﬆ", "st")

var straightQuotes = strings.NewReplacer("ʼ", "'", "‘", "'", "’", "'", "‚", "'", "‛", "'", "“", `"`, "”", `"`, "„", `"`, "‟", `"`)

var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\u0085", "\n")

// normalWidth replaces half-width and full-width forms.
func normalWidth(text string) string {
	wide := func(c rune) bool { return c == 0x3000 || 0xff01 <= c && c < 0xfff0 }
	if strings.IndexFunc(text, wide) < 0 {
		return text
	}
	var b strings.Builder
	for _, c := range text {
		if wide(c) {
			b.WriteString(norm.NFKC.String(string(c)))
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

func dropControl(c rune) rune {
	switch {
	case c < 0x20 && c != '\t' && c != '\n' && c != '\f' && c != '\r',
		c == 0x7f, 0x206a <= c && c <= 0x206f, c == 0xfeff, 0xfff9 <= c && c <= 0xfffc:
		return -1
	}
	return c
}
