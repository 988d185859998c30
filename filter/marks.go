package filter

// tokens are the marks that a recipe puts into texts with pictures.
type tokens struct {
	image, eoc string
	others     []string // of sound and video, taken out of texts too
}

func (r *Row) marks() *tokens {
	if r.tokens == nil {
		return &tokens{image: "<__dj__image>", eoc: "<|__dj__eoc|>", others: []string{"<__dj__audio>", "<__dj__video>"}}
	}
	return r.tokens
}
