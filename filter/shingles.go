package filter

import (
	"strings"
	"unicode"
)

// shingling cuts texts into overlapping runs of tokens, for near-duplicates.
type shingling struct {
	Tokenization string  `param:"tokenization"` // space, punctuation or character
	Window       int     `param:"window_size"`
	Lowercase    bool    `param:"lowercase"`
	Ignore       *string `param:"ignore_pattern"`

	ignore *pattern
}

func (s *shingling) check() (err error) {
	switch s.Tokenization {
	case "space", "punctuation", "character":
	case "sentencepiece":
		return &Error{Kind: Unsupported, Op: "filter", What: "tokenization", Have: s.Tokenization, Want: "space, punctuation or character"}
	default:
		return as("NotImplementedError", &Error{Kind: Invalid, Op: "filter", What: "tokenization", Have: s.Tokenization, Want: "space, punctuation or character"})
	}
	if s.Ignore != nil && *s.Ignore != "" {
		s.ignore, err = compile(*s.Ignore, false, false)
	}
	if err == nil {
		err = positive("window_size", s.Window)
	}
	return err
}

// shingles returns the runs of Window tokens in order, joined by blanks; none if the
// text has fewer tokens.
func (s *shingling) shingles(text string) (runs []string, err error) {
	if s.Lowercase {
		text = pyLower(text)
	}
	if s.ignore != nil {
		if text, err = s.ignore.sub(text, replacement{}); err != nil {
			return nil, err
		}
	}
	if s.Tokenization == "character" {
		runes := []rune(text)
		for i := 0; i+s.Window <= len(runes); i++ {
			runs = append(runs, string(runes[i:i+s.Window]))
		}
		return runs, nil
	}
	tokens := splitBlanks(text)
	if s.Tokenization == "punctuation" {
		tokens = splitAt(text, unicode.IsPunct)
	}
	for i := 0; i+s.Window <= len(tokens); i++ {
		runs = append(runs, strings.Join(tokens[i:i+s.Window], " "))
	}
	return runs, nil
}

// splitAt cuts at every code point of a kind and keeps empty pieces.
func splitAt(text string, at func(rune) bool) (pieces []string) {
	from := 0
	for i, c := range text {
		if at(c) {
			pieces = append(pieces, text[from:i])
			from = i + len(string(c))
		}
	}
	return append(pieces, text[from:])
}
