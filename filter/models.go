package filter

import (
	"context"
	"errors"
	"image"
)

// Models opens the models that recipes name. Package clip implements it:
//
//	recipe.Models = &clip.Models{}
//
// A name is a folder, or a repository: of Hugging Face without a prefix, of ModelScope
// with "ms:". A recipe with an op that needs a model, run without Models, is an error
// before anything is read. What it returns are aliases, so that a package need not
// import this one to have the methods.
type Models interface {
	// Scorer opens a CLIP model: image_text_similarity_filter,
	// image_pair_similarity_filter.
	Scorer(ctx context.Context, name string) (Scorer, error)

	// Aesthetics opens an aesthetics predictor: image_aesthetics_filter.
	Aesthetics(ctx context.Context, name string) (Rater, error)

	// Classifier opens a picture classifier: image_nsfw_filter, image_watermark_filter.
	Classifier(ctx context.Context, name string) (Classifier, error)
}

// Scorer rates how well texts describe pictures. It may be used by several goroutines.
type Scorer = interface {
	// Logits returns CLIP's logits_per_image: [picture][text], the exponential of the
	// logit scale times the cosine of the two embeddings. Texts are cut to the model's
	// length.
	Logits(ctx context.Context, texts []string, pics []image.Image) ([][]float32, error)

	// Similarity returns the cosine of the embeddings of two pictures, in [-1, 1].
	Similarity(ctx context.Context, a, b image.Image) (float32, error)
}

// Rater gives pictures a mark. It may be used by several goroutines.
type Rater = interface {
	// Rate returns a mark per picture, as the predictor gives it: LAION's from 0 to 10.
	Rate(ctx context.Context, pics []image.Image) ([]float32, error)
}

// Classifier tells pictures of one kind from others. It may be used by several goroutines.
type Classifier = interface {
	// Classify returns the probabilities of the classes per picture: [picture][class],
	// each row summing to 1.
	Classify(ctx context.Context, pics []image.Image) ([][]float32, error)
}

// NeedsModels reports whether err is that of a recipe run without the Models that one of
// its ops needs.
func NeedsModels(err error) bool { return errors.Is(err, errNoModels) }

var errNoModels = errors.New("no models are given")

// noModels is the error of a recipe that needs a model and has none to ask for it.
func noModels(op, model string) error {
	return &Error{Kind: Missing, Op: "filter", What: op + ": model " + model, Want: "Options.Models to open it; package clip has them", Err: errNoModels}
}
