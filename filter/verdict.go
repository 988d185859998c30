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

// Verdict is what one op decided about a sample, and why.
type Verdict struct {
	Op      string  // the op's name
	Step    int     // its place in the list, from 0
	Kept    bool    // whether the sample went on
	Numbers Stats   // what the op measured of it
	Bounds  []Bound // what the numbers were held against, if the op decides by ranges
	Like    string  // of a duplicate: the sample that it repeats
	Err     error   // why the op failed, if it did
}
