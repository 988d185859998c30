package filter

import (
	"strings"
	"unicode"
)

// shingling cuts texts into overlapping runs of tokens, for near-duplicates.
type shingling struct {
	Tokenization string  `param:"tokenization"` // space, punctuation, character or sentencepiece
	Window       int     `param:"window_size"`
	Lowercase    bool    `param:"lowercase"`
	Ignore       *string `param:"ignore_pattern"`

	ignore *pattern
	pieces // of sentencepiece
}

func (s *shingling) check() (err error) {
	switch s.Tokenization {
	case "space", "punctuation", "character":
	default:
		if s.Tokenization == "sentencepiece" && s.m != nil {
			break
		}
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

// shingles returns the runs of Window tokens in order, joined by blanks, pieces by nothing;
// none if the text has fewer tokens.
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
	tokens, glue := s.tokens(text)
	for i := 0; i+s.Window <= len(tokens); i++ {
		runs = append(runs, strings.Join(tokens[i:i+s.Window], glue))
	}
	return runs, nil
}

func (s *shingling) tokens(text string) (tokens []string, glue string) {
	switch s.Tokenization {
	case "punctuation":
		return splitAt(text, unicode.IsPunct), " "
	case "sentencepiece":
		return s.words(text), ""
	}
	return splitBlanks(text), " "
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
