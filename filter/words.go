package filter

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// isSpecial reports whether Data-Juicer calls the code point special.
func isSpecial(r rune) bool {
	if r < utf8.RuneSelf {
		return asciiSpecial[r]
	}
	return unicode.Is(specialCharacters, r)
}

var asciiSpecial = func() (t [utf8.RuneSelf]bool) {
	for r := range t {
		t[r] = unicode.Is(specialCharacters, rune(r))
	}
	return t
}()

// splitWords cuts text at blanks, line feeds and tabs, and leaves out empty words.
func splitWords(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' })
}

// splitBlanks cuts text at blanks alone.
func splitBlanks(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' })
}

// refineWords takes special characters off both ends of each word, and leaves out what
// is empty then.
func refineWords(words []string) []string {
	kept := words[:0]
	for _, w := range words {
		if w = strings.TrimFunc(w, isSpecial); w != "" {
			kept = append(kept, w)
		}
	}
	return kept
}

// eachWord keeps the words of text that keep approves of, and puts one line feed, tab
// or blank between what is left, as Data-Juicer's word mappers do.
func eachWord(text string, keep func(word string) bool) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		var cells []string
		for cell := range strings.SplitSeq(line, "\t") {
			var words []string
			for _, w := range splitBlanks(cell) {
				if keep(w) {
					words = append(words, w)
				}
			}
			if words != nil {
				cells = append(cells, strings.Join(words, " "))
			}
		}
		if cells != nil {
			lines = append(lines, strings.Join(cells, "\t"))
		}
	}
	return strings.Join(lines, "\n")
}
