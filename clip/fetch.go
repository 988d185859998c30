package clip

import (
	"context"
	"slices"
	"strings"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/hub"
)

// Progress tells how many bytes of how many have come, of one file and of all.
type Progress = hub.Progress

// FetchOption changes what Fetch fetches and from where.
type FetchOption func(*fetch) error

type fetch struct {
	client   hub.Client
	revision string
	dir      string
}

// FetchRevision takes a branch, tag or commit. The default is the hub's main branch.
func FetchRevision(rev string) FetchOption {
	return func(f *fetch) error { f.revision = rev; return nil }
}

// FetchInto puts the files into a folder of their own instead of the cache that the
// hubs' Python clients share.
func FetchInto(dir string) FetchOption {
	return func(f *fetch) error { f.dir = dir; return nil }
}

// FetchProgress is called while bytes come, from one goroutine at a time.
func FetchProgress(report func(Progress)) FetchOption {
	return func(f *fetch) error { f.client.Progress = report; return nil }
}

// Fetch brings what a CLIP model, an aesthetics predictor or a classifier needs to the
// disk, configs, tokenizer and the weights in one form, and returns the folder that
// [Open] opens; Open finds it by the name, too. name is "owner/name" or
// "hf:owner/name" on Hugging Face, "ms:owner/name" on ModelScope, maybe with
// "@revision" behind. What is there already is not fetched again, and what broke off
// goes on.
//
// That something is missing, private or gated is said before the first file comes.
// Tokens are taken from HF_TOKEN and MODELSCOPE_API_TOKEN.
func Fetch(ctx context.Context, name string, opts ...FetchOption) (dir string, err error) {
	f := &fetch{}
	for _, opt := range opts {
		if err := opt(f); err != nil {
			return "", err
		}
	}
	repo, err := hub.ParseName(name, hub.HuggingFace)
	if err != nil {
		return "", err
	}
	if f.revision != "" {
		repo.Revision = f.revision
	}
	q := hub.Request{Repo: repo, Dir: f.dir}
	if !f.client.IsOffline(repo.Hub) {
		if q.Listing, err = f.client.List(ctx, repo); err != nil {
			return "", err
		}
		if q.Files, err = modelFiles(q.Listing.Files); err != nil {
			return "", &fault.Error{Kind: fault.KindOf(err), Op: "clip", Where: repo.String(), Err: err}
		}
		q.Need = q.Files
	}
	return f.client.Fetch(ctx, q)
}

// configFiles are what is read beside the weights.
var configFiles = []string{
	"config.json", "preprocessor_config.json", "processor_config.json", "open_clip_config.json",
	"vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
}

// modelFiles picks, of a repository's files, the configs, the tokenizer and one form of
// the weights: safetensors before torch, one file before several, transformers' layout
// before open_clip's.
func modelFiles(all []hub.File) ([]string, error) {
	var names, out []string
	for _, f := range all {
		names = append(names, f.Path)
	}
	for _, n := range configFiles {
		if slices.Contains(names, n) {
			out = append(out, n)
		}
	}
	weights := weightFiles(names)
	if weights == nil {
		return nil, &fault.Error{Kind: fault.Missing, What: "repository", Have: "has no weights that can be read", Want: "model.safetensors, pytorch_model.bin or open_clip's"}
	}
	return append(out, weights...), nil
}

func weightFiles(names []string) []string {
	for _, base := range [][2]string{{"model", ".safetensors"}, {"pytorch_model", ".bin"}} {
		if whole := base[0] + base[1]; slices.Contains(names, whole) {
			return []string{whole}
		}
		index := base[0] + base[1] + ".index.json"
		if !slices.Contains(names, index) {
			continue
		}
		out := []string{index}
		for _, n := range names {
			if strings.HasPrefix(n, base[0]+"-") && strings.HasSuffix(n, base[1]) {
				out = append(out, n)
			}
		}
		return out
	}
	for _, n := range openCLIPWeights {
		if slices.Contains(names, n) {
			return []string{n}
		}
	}
	return nil
}
