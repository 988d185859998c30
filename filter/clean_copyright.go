package filter

import (
	"context"
	"regexp"
	"strings"
)

func init() {
	Register("clean_copyright_mapper", func() Op { return &cleanCopyright{} })
}

// cleanCopyright removes the first /* comment */ if it speaks of copyright; from a text
// without such a comment it removes the comment lines at its beginning.
type cleanCopyright struct{}

var blockComment = regexp.MustCompile(`/\*[^*]*\*+(?:[^/*][^*]*\*+)*/`)

func (cleanCopyright) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (string, error) {
		if at := blockComment.FindStringIndex(text); at != nil {
			if containsFold(text[at[0]:at[1]], "copyright") {
				text = text[:at[0]] + text[at[1]:]
			}
			return text, nil
		}
		lines := strings.Split(text, "\n")
		skip := 0
		for skip < len(lines) && commentLine(lines[skip]) {
			skip++
		}
		return strings.Join(lines[skip:], "\n"), nil
	})
}

func commentLine(line string) bool {
	return line == "" || strings.HasPrefix(line, "//") || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "--")
}
