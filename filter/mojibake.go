package filter

import (
	"bytes"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	htmlEntity     = regexp.MustCompile(`&#?[0-9A-Za-z]{1,24};`)
	terminalEscape = regexp.MustCompile("\x1b\\[[\\p{Nd};]*[a-zA-Z]")
	badness        = badPattern()
)

// badPattern matches pairs and triples of characters that real texts do not have.
func badPattern() *regexp.Regexp {
	expr := `[{c1}]` +
		`|[{bad}{lower_accented}{upper_accented}{box}{start_punctuation}{end_punctuation}{currency}{numeric}{law}][{bad}]` +
		`|[a-zA-Z][{lower_common}{upper_common}][{bad}]` +
		`|[{bad}][{lower_accented}{upper_accented}{box}{start_punctuation}{end_punctuation}{currency}{numeric}{law}]` +
		`|[{lower_accented}{lower_common}{box}{end_punctuation}{currency}{numeric}][{upper_accented}]` +
		`|[{box}{end_punctuation}{currency}{numeric}][{lower_accented}]` +
		`|[{lower_accented}{box}{end_punctuation}][{currency}]` +
		`|{space}[{upper_accented}][{currency}]` +
		`|[{upper_accented}{box}][{numeric}{law}]` +
		`|[{lower_accented}{upper_accented}{box}{currency}{end_punctuation}][{start_punctuation}][{numeric}]` +
		`|[{lower_accented}{upper_accented}{currency}{numeric}{box}{law}][{end_punctuation}][{start_punctuation}]` +
		`|[{currency}{numeric}{box}][{start_punctuation}]` +
		`|[a-z][{upper_accented}][{start_punctuation}{currency}]` +
		`|[{box}][{kaomoji}]` +
		`|[{lower_accented}{upper_accented}{currency}{numeric}{start_punctuation}{end_punctuation}{law}][{box}]` +
		`|[{box}][{end_punctuation}]` +
		`|[{lower_accented}{upper_accented}][{start_punctuation}{end_punctuation}][\p{L}\p{N}_]` +
		`|[Œœ][^A-Za-z]` +
		`|[{upper_accented}]°` +
		"|[ÂÃÎÐ][€œŠš¢£Ÿž\u00a0\u00ad®©°·»{start_punctuation}{end_punctuation}–—´]" +
		`|×[²³]` +
		`|[ØÙ][{common}{currency}{bad}{numeric}{start_punctuation}ŸŠ®°µ»][ØÙ][{common}{currency}{bad}{numeric}{start_punctuation}ŸŠ®°µ»]` +
		`|à[²µ¹¼½¾]` +
		`|√[±∂†≠®™´≤≥¥µø]|≈[°¢]|‚Ä[ìîïòôúùû†°¢π]|‚[âó][àä°ê]` +
		`|вЂ` +
		`|[ВГРС][{c1}{bad}{start_punctuation}{end_punctuation}{currency}°µ][ВГРС]` +
		`|ГўВЂВ.[A-Za-z ]` +
		"|Ã[\u00a0¡]" +
		`|[a-z]{space}?[ÃÂ][ ]|^[ÃÂ][ ]` +
		`|[a-z.,?!{end_punctuation}]Â[ {start_punctuation}{end_punctuation}]` +
		"|β€[™\u00a0Ά\u00ad®°]" +
		`|[ΒΓΞΟ][{c1}{bad}{start_punctuation}{end_punctuation}{currency}°][ΒΓΞΟ]` +
		`|ā€`
	for name, class := range mojibakeClasses {
		expr = strings.ReplaceAll(expr, "{"+name+"}", class)
	}
	return regexp.MustCompile(strings.ReplaceAll(expr, "{space}", `[\s\v\x1c-\x1f\x{85}\p{Z}]`))
}

// unescapeEntities decodes the entities that end in a semicolon, and those whose names
// were written in capitals.
func unescapeEntities(text string) string {
	if !strings.Contains(text, "&") {
		return text
	}
	return htmlEntity.ReplaceAllStringFunc(text, unescapeEntity)
}

func unescapeEntity(m string) string {
	if strings.HasPrefix(m, "&#") {
		return unescapeNumber(m)
	}
	if c, ok := namedEntity(m); ok {
		return c
	}
	if lower := strings.ToLower(m); m == strings.ToUpper(m) && html.UnescapeString(m) == m {
		if c, ok := namedEntity(lower); ok {
			return fullUpper.Replace(strings.ToUpper(c))
		}
	}
	return m
}

// fullUpper are the capitals of more than one letter that named entities have.
var fullUpper = strings.NewReplacer("ß", "SS", "ŉ", "ʼN", "ﬀ", "FF", "ﬁ", "FI", "ﬂ", "FL", "ﬃ", "FFI", "ﬄ", "FFL")

func namedEntity(m string) (string, bool) {
	c := html.UnescapeString(m)
	return c, m == "&semi;" || c != m && !strings.HasSuffix(c, ";")
}

func unescapeNumber(m string) string {
	digits, base := m[2:len(m)-1], 10
	if strings.HasPrefix(digits, "x") || strings.HasPrefix(digits, "X") {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 64)
	switch {
	case err != nil && len(digits) > 0 && strings.Trim(digits, "0123456789abcdefABCDEF") == "" && base == 16,
		err != nil && len(digits) > 0 && strings.Trim(digits, "0123456789") == "":
		return "\ufffd"
	case err != nil || n == ';':
		return m
	case n < 0x9 || n == 0xb || 0xe <= n && n < 0x20 || n == 0x7f || 0xfdd0 <= n && n <= 0xfdef || n&0xfffe == 0xfffe && n <= 0x10ffff:
		if n != 0 {
			return ""
		}
	}
	return html.UnescapeString(m)
}

// fixEncoding undoes wrong decodings, one after the other, until the text looks right.
func fixEncoding(text string) string {
	for {
		fixed := fixEncodingOnce(text)
		if fixed == text {
			return text
		}
		text = fixed
	}
}

func fixEncodingOnce(text string) string {
	if isASCII(text) || !badness.MatchString(text) {
		return text
	}
	latin1 := false
	for _, page := range codePages {
		b, ok := page.encode(text)
		if !ok {
			continue
		}
		latin1 = latin1 || page.name == "latin-1"
		if page.name != "macroman" && alteredUTF8.Match(b) {
			b = restoreA0(b)
		}
		if page.sloppy {
			b = lossyUTF8.ReplaceAllLiteral(b, []byte("\ufffd"))
		}
		if s, ok := decodeUTF8(b); ok {
			return s
		}
	}
	if fixed := fixEmbedded(text); fixed != text {
		return fixed
	}
	if latin1 {
		if fixed, ok := asWindows1252(text); ok && fixed != text {
			return fixed
		}
	}
	return fixC1(text)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// pageBytes maps the characters of each code page to its bytes.
var pageBytes = func() map[string]map[rune]byte {
	all := map[string]map[rune]byte{}
	for _, p := range codePages {
		m := map[rune]byte{}
		b := byte(0x80)
		for _, c := range p.upper {
			m[c] = b
			b++
		}
		if p.sloppy {
			m[utf8.RuneError] = 0x1a
		}
		all[p.name] = m
	}
	return all
}()

func (p codePage) encode(text string) ([]byte, bool) {
	m := pageBytes[p.name]
	out := make([]byte, 0, len(text))
	for _, c := range text {
		b, ok := m[c]
		switch {
		case ok:
		case c < 0x80 && !(c == 0x1a && p.sloppy):
			b = byte(c)
		default:
			return nil, false
		}
		out = append(out, b)
	}
	return out, true
}

// The patterns on bytes are spelled as Latin-1: Go's regexp reads each byte of what
// latin1 makes of the input as one character.
var (
	alteredUTF8 = bytePattern(`[\xc2\xc3\xc5\xce\xd0\xd9][ ]|[\xe2\xe3][ ][\x80-\x84\x86-\x9f\xa1-\xbf]|[\xe0-\xe3][\x80-\x84\x86-\x9f\xa1-\xbf][ ]` +
		`|[\xf0][ ][\x80-\xbf][\x80-\xbf]|[\xf0][\x80-\xbf][ ][\x80-\xbf]|[\xf0][\x80-\xbf][\x80-\xbf][ ]`)
	lossyUTF8 = bytePattern(`[\xc2-\xdf][\x1a]|[\xc2-\xc3][?]|\xed[\xa0-\xaf][\x1a?]\xed[\xb0-\xbf][\x1a?\x80-\xbf]|\xed[\xa0-\xaf][\x1a?\x80-\xbf]\xed[\xb0-\xbf][\x1a?]` +
		`|[\xe0-\xef][\x1a?][\x1a\x80-\xbf]|[\xe0-\xef][\x1a\x80-\xbf][\x1a?]|[\xf0-\xf4][\x1a?][\x1a\x80-\xbf][\x1a\x80-\xbf]` +
		`|[\xf0-\xf4][\x1a\x80-\xbf][\x1a?][\x1a\x80-\xbf]|[\xf0-\xf4][\x1a\x80-\xbf][\x1a\x80-\xbf][\x1a?]|\x1a`)
)

// byteRegexp matches bytes whatever their encoding.
type byteRegexp struct{ re *regexp.Regexp }

func bytePattern(expr string) byteRegexp { return byteRegexp{regexp.MustCompile(expr)} }

func latin1(b []byte) []byte {
	out := make([]byte, 0, len(b)+len(b)/4)
	for _, c := range b {
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}

func unlatin1(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, c := range string(b) {
		out = append(out, byte(c))
	}
	return out
}

func (r byteRegexp) Match(b []byte) bool { return r.re.Match(latin1(b)) }

func (r byteRegexp) replace(b []byte, with func(m []byte) []byte) []byte {
	return unlatin1(r.re.ReplaceAllFunc(latin1(b), func(m []byte) []byte { return latin1(with(unlatin1(m))) }))
}

func (r byteRegexp) ReplaceAllLiteral(b, with []byte) []byte {
	return r.replace(b, func([]byte) []byte { return with })
}

// restoreA0 puts back the bytes A0 of UTF-8 that became blanks. An à that stands alone
// keeps the blank behind it, but for some Portuguese words.
func restoreA0(b []byte) []byte {
	b = graveWords(b)
	return alteredUTF8.replace(b, func(m []byte) []byte { return bytes.ReplaceAll(m, []byte{' '}, []byte{0xa0}) })
}

func graveWords(b []byte) []byte {
	var out []byte
	for i := 0; i < len(b); i++ {
		out = append(out, b[i])
		if b[i] != 0xc3 || i+1 == len(b) || b[i+1] != ' ' {
			continue
		}
		next := b[i+2:]
		keep := false
		for _, p := range []string{" ", "quele", "quela", "quilo", "s "} {
			keep = keep || bytes.HasPrefix(next, []byte(p))
		}
		if !keep {
			out = append(out, 0xa0)
		}
	}
	return out
}

// decodeUTF8 decodes strictly, but for Java's NUL (C0 80) and CESU-8's pairs.
func decodeUTF8(b []byte) (string, bool) {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		if len(b) > 1 && b[0] == 0xc0 && b[1] == 0x80 {
			out, b = append(out, 0), b[2:]
			continue
		}
		if c, ok := cesu8(b); ok {
			out, b = utf8.AppendRune(out, c), b[6:]
			continue
		}
		c, size := utf8.DecodeRune(b)
		if c == utf8.RuneError && size <= 1 {
			return "", false
		}
		out, b = append(out, b[:size]...), b[size:]
	}
	return string(out), true
}

func cesu8(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != 0xed || b[1]&0xf0 != 0xa0 || b[2]&0xc0 != 0x80 || b[3] != 0xed || b[4]&0xf0 != 0xb0 || b[5]&0xc0 != 0x80 {
		return 0, false
	}
	return (rune(b[1]&0x0f)<<16 | rune(b[2]&0x3f)<<10 | rune(b[4]&0x0f)<<6 | rune(b[5]&0x3f)) + 0x10000, true
}

// fixEmbedded repairs runs of characters that look like UTF-8 within other text.
func fixEmbedded(text string) string {
	s := []rune(text)
	var b strings.Builder
	for i := 0; i < len(s); {
		end := i
		if i == 0 || !clue("utf8_continuation_strict", s[i-1]) {
			end = mojibakeEnd(s, i)
		}
		if end == i {
			b.WriteRune(s[i])
			i++
			continue
		}
		run := string(s[i:end])
		if len(run) < len(text) && badness.MatchString(run) {
			run = fixEncoding(run)
		}
		b.WriteString(run)
		i = end
	}
	return b.String()
}

func mojibakeEnd(s []rune, i int) int {
	for {
		n := 0
		for k, first := range []string{"utf8_first_of_2", "utf8_first_of_3", "utf8_first_of_4"} {
			if i < len(s) && clue(first, s[i]) && continues(s[i+1:], k+1) {
				n = k + 2
				break
			}
		}
		if n == 0 {
			return i
		}
		i += n
	}
}

func continues(s []rune, n int) bool {
	if len(s) < n {
		return false
	}
	for _, c := range s[:n] {
		if !clue("utf8_continuation", c) {
			return false
		}
	}
	return true
}

// clueSets are utf8Clues with their ranges written out.
var clueSets = func() map[string]map[rune]bool {
	all := map[string]map[rune]bool{}
	for name, chars := range utf8Clues {
		set := map[rune]bool{}
		s := []rune(chars)
		for i, c := range s {
			set[c] = true
			if c == '-' && i > 0 && i+1 < len(s) {
				for x := s[i-1]; x <= s[i+1]; x++ {
					set[x] = true
				}
				delete(set, '-')
			}
		}
		all[name] = set
	}
	return all
}()

func clue(name string, c rune) bool { return clueSets[name][c] }

// undefined1252 are the bytes that stand for nothing in windows-1252.
const undefined1252 = "\u0081\u008d\u008f\u0090\u009d"

// asWindows1252 reads the bytes of a Latin-1 text as windows-1252.
func asWindows1252(text string) (string, bool) {
	if strings.ContainsAny(text, undefined1252) {
		return text, false
	}
	return fixC1(text), true
}

// fixC1 replaces C1 control characters by what windows-1252 has in their place.
func fixC1(text string) string {
	upper := []rune(codePages[1].upper)
	return strings.Map(func(c rune) rune {
		if 0x80 <= c && c < 0xa0 {
			return upper[c-0x80]
		}
		return c
	}, text)
}
