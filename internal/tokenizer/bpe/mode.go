package bpe

import (
	"strings"
	"unicode"
)

// Mode says whose ids a [Tokenizer] gives: see the package comment. The zero value
// is Fast.
type Mode uint8

// The modes.
const (
	Fast     Mode = iota // transformers' CLIPTokenizerFast
	Slow                 // transformers' CLIPTokenizer without ftfy
	FTFY                 // transformers' CLIPTokenizer with ftfy
	OpenAI               // openai/CLIP's SimpleTokenizer
	OpenCLIP             // open_clip's SimpleTokenizer
)

var modeNames = [...]string{"fast", "slow", "ftfy", "openai", "open_clip"}

// String returns the mode's name in lower case.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return "unknown"
}

// needsFix reports whether the mode begins with ftfy.
func (m Mode) needsFix() bool { return m >= FTFY }

// splitsAdded reports whether added tokens are looked for in the text.
func (m Mode) splitsAdded() bool { return m <= FTFY }

// marks returns the special tokens that the mode's word pattern knows: the text
// "<|endoftext|>" is then one word even where it is no added token.
func (m Mode) marks() [2]string {
	switch m {
	case Fast:
		return [2]string{}
	case OpenCLIP:
		return [2]string{"<start_of_text>", "<end_of_text>"}
	}
	return [2]string{startOfText, endOfText}
}

// clean returns s in the form that is cut into words: normalised and in lower case.
func (m Mode) clean(s string, fix func(string) string) string {
	switch m {
	case Fast:
		return lowerFast(nfc(s))
	case Slow:
		return lowerPython(nfc(spaced(s)))
	case FTFY:
		s = fix(s)
	default:
		s = unescape(unescape(fix(s)))
	}
	s = strings.TrimFunc(strings.ToValidUTF8(s, "\ufffd"), isSpacePython)
	return lowerPython(s)
}

// spaced is the cleaning of transformers' BasicTokenizer: U+FFFD, control, format,
// private-use and unassigned characters go, white space becomes a space, and
// ideographs get spaces on both sides.
func spaced(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		switch {
		case isSpaceSlow(r):
			b.WriteByte(' ')
		case r == unicode.ReplacementChar || isOther(r):
		case isIdeograph(r):
			b.WriteByte(' ')
			b.WriteRune(r)
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isSpaceSlow(r rune) bool {
	return r == ' ' || r == '\t' || r == '\n' || r == '\r' || unicode.Is(unicode.Zs, r)
}

// isSpacePython is str.isspace: what strip removes.
func isSpacePython(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// isOther reports whether r is of category C* in Unicode 14, the version of the
// Python 3.11 that the reference ran on: Cc, Cf, Co, Cs or unassigned.
func isOther(r rune) bool {
	if r < 0x7f {
		return r < ' '
	}
	return !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z) || unicode.Is(since14, r)
}

// isIdeograph reports whether r lies in the blocks that BERT's tokenizer calls
// Chinese: ideographs, without kana and Hangul.
func isIdeograph(r rune) bool {
	switch {
	case r < 0x3400:
		return false
	case r <= 0x4dbf, 0x4e00 <= r && r <= 0x9fff, 0xf900 <= r && r <= 0xfaff,
		0x20000 <= r && r <= 0x2a6df, 0x2a700 <= r && r <= 0x2ceaf, 0x2f800 <= r && r <= 0x2fa1f:
		return true
	}
	return false
}
