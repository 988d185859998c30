package model

import (
	"strconv"
	"strings"
)

// Prompt is a text and how it is read. It is comparable: a key of the cache of
// encodings.
type Prompt struct {
	Text     string
	Text2    string // for SDXL's second encoder; "" means Text
	ClipSkip int    // layers left out at the end, besides the one that SDXL and Kolors leave out; −1 takes that too

	// Weights reads (word:1.2), (word) and [word] as emphasis. Long keeps what lies
	// beyond the text encoder's length, in chunks, instead of cutting it off.
	Weights, Long bool
}

// second returns the text for the second encoder.
func (p Prompt) second() string {
	if p.Text2 == "" {
		return p.Text
	}
	return p.Text2
}

// span is a piece of a prompt and what its embeddings are multiplied by.
type span struct {
	text   string
	weight float64
}

// spans reads emphasis as stable-diffusion-webui does (modules/prompt_parser.py,
// parse_prompt_attention): (a) is 1.1, (a:1.5) is 1.5, [a] is 1/1.1, nested ones
// multiply, and a backslash takes a bracket literally. Brackets that are not closed
// count to the end.
func spans(text string) []span {
	const step = 1.1
	var out []span
	var round, square []int // indices of out at which brackets opened
	scale := func(from int, by float64) {
		for i := from; i < len(out); i++ {
			out[i].weight *= by
		}
	}
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			out = append(out, span{word.String(), 1})
			word.Reset()
		}
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && strings.IndexByte(`()[]\`, text[i+1]) >= 0:
			i++
			word.WriteByte(text[i])
		case c == '(':
			flush()
			round = append(round, len(out))
		case c == '[':
			flush()
			square = append(square, len(out))
		case c == ':' && len(round) > 0:
			w, n := weightAt(text[i:])
			if n == 0 {
				word.WriteByte(c)
				break
			}
			flush()
			scale(round[len(round)-1], w)
			round = round[:len(round)-1]
			i += n - 1
		case c == ')' && len(round) > 0:
			flush()
			scale(round[len(round)-1], step)
			round = round[:len(round)-1]
		case c == ']' && len(square) > 0:
			flush()
			scale(square[len(square)-1], 1/step)
			square = square[:len(square)-1]
		default:
			word.WriteByte(c)
		}
	}
	flush()
	for _, from := range round {
		scale(from, step)
	}
	for _, from := range square {
		scale(from, 1/step)
	}
	return merge(out)
}

// weightAt reads ":1.5)" and returns the number and the length of all of it, 0 if
// that is not what text begins with.
func weightAt(text string) (weight float64, n int) {
	end := strings.IndexByte(text, ')')
	if end < 0 {
		return 0, 0
	}
	w, err := strconv.ParseFloat(strings.TrimSpace(text[1:end]), 64)
	if err != nil || w != w || w > 1e3 || w < -1e3 {
		return 0, 0
	}
	return w, end + 1
}

// merge joins neighbours of equal weight.
func merge(in []span) []span {
	var out []span
	for _, s := range in {
		if n := len(out); n > 0 && out[n-1].weight == s.weight {
			out[n-1].text += s.text
			continue
		}
		out = append(out, s)
	}
	return out
}

// emphasize multiplies rows of [len(weights), dim] by weights and then all of them by
// one number that restores their mean (stable-diffusion-webui
// modules/sd_hijack_clip.py, process_tokens).
func emphasize(x []float32, weights []float64, dim int) {
	before := mean(x)
	for i, w := range weights {
		for j := range dim {
			x[i*dim+j] *= float32(w)
		}
	}
	after := mean(x)
	if after == 0 {
		return
	}
	for i := range x {
		x[i] = float32(float64(x[i]) * before / after)
	}
}

func mean(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	return sum / float64(max(len(x), 1))
}
