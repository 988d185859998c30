package bpe

import (
	"html"
	"regexp"
	"strconv"
	"strings"
)

// reference is an HTML character reference, by number or by name.
var reference = regexp.MustCompile(`&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)`)

// unescape is Python's html.unescape. Names are those of HTML 5, which Go's package
// html knows too, but for two; numbers differ: Python needs one digit only and drops
// control characters and non-characters.
func unescape(s string) string {
	return reference.ReplaceAllStringFunc(s, func(ref string) string {
		switch {
		case ref == "&nGt;":
			return "\u226b\u20d2"
		case ref == "&nLt;":
			return "\u226a\u20d2"
		case ref[1] != '#':
			return html.UnescapeString(ref)
		}
		return unescapeNumber(strings.TrimSuffix(ref[2:], ";"))
	})
}

func unescapeNumber(digits string) string {
	base := 10
	if digits[0] == 'x' || digits[0] == 'X' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	switch {
	case err != nil || n == 0 || n > 0x10ffff || 0xd800 <= n && n <= 0xdfff:
		return "\ufffd"
	case 0x80 <= n && n <= 0x9f: // Windows-1252
		return html.UnescapeString("&#" + strconv.FormatUint(n, 10) + ";")
	case n < ' ' && n != '\t' && n != '\n' && n != '\f' && n != '\r' || n == 0x7f || 0xfdd0 <= n && n <= 0xfdef || n&0xfffe == 0xfffe:
		return ""
	}
	return string(rune(n))
}
