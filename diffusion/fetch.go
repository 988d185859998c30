package diffusion

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/hub"
)

// FetchOption changes what Fetch fetches and from where.
type FetchOption func(*fetch) error

type fetch struct {
	client   hub.Client
	site     hub.Site
	revision string
	variant  string
	dir      string
}

// Progress tells how many bytes of how many have come, of one file and of all.
type Progress = hub.Progress

// FetchFrom names the hub of names without a prefix: "ms", ModelScope, which is the
// default, or "hf", Hugging Face.
func FetchFrom(site string) FetchOption {
	return func(f *fetch) error {
		switch site {
		case "ms":
			f.site = hub.ModelScope
		case "hf":
			f.site = hub.HuggingFace
		default:
			return invalid("hub", site, "ms or hf")
		}
		return nil
	}
}

// FetchRevision takes a branch, tag or commit. The default is the hub's main branch.
func FetchRevision(rev string) FetchOption {
	return func(f *fetch) error { f.revision = rev; return nil }
}

// FetchVariant takes the files of a variant, "fp16", for the parts that have them.
func FetchVariant(name string) FetchOption {
	return func(f *fetch) error { f.variant = name; return nil }
}

// FetchInto puts the files into a folder of their own, in the layout that Open reads,
// instead of the cache that the hubs' Python clients share.
func FetchInto(dir string) FetchOption {
	return func(f *fetch) error { f.dir = dir; return nil }
}

// FetchCache keeps the cache in another folder.
func FetchCache(dir string) FetchOption {
	return func(f *fetch) error { f.client.Cache = dir; return nil }
}

// FetchProgress is called while bytes come, from one goroutine at a time.
func FetchProgress(report func(Progress)) FetchOption {
	return func(f *fetch) error { f.client.Progress = report; return nil }
}

// Fetch brings what a pipeline needs of a model to the disk, weights in one form,
// configs, tokenizers and the scheduler, and returns the folder that Open opens. name
// is "owner/name", maybe with "hf:" or "ms:" before it and "@revision" behind, or a
// name that DiffSynth-Studio's download_models knows: "Kolors", "SDXL-vae-fp16-fix".
// What is there already is not fetched again, and what broke off goes on.
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
	q, err := f.request(ctx, name)
	if err != nil {
		return "", err
	}
	return f.client.Fetch(ctx, q)
}

func (f *fetch) request(ctx context.Context, name string) (hub.Request, error) {
	if p, ok := hub.FindPreset(name); ok {
		return hub.Request{Repo: p.Repo, Allow: p.Allow, Need: p.Need, Dir: f.dir}, nil
	}
	repo, err := hub.ParseName(name, f.site)
	if err != nil {
		return hub.Request{}, err
	}
	if f.revision != "" {
		repo.Revision = f.revision
	}
	if f.client.IsOffline(repo.Hub) {
		return hub.Request{Repo: repo, Dir: f.dir}, nil // the cache tells what is there
	}
	listing, err := f.client.List(ctx, repo)
	if err != nil {
		return hub.Request{}, err
	}
	files, err := pipelineFiles(listing.Files, f.variant)
	if err != nil {
		return hub.Request{}, &fault.Error{Kind: fault.KindOf(err), Op: "diffusion", Where: repo.String(), Err: err}
	}
	return hub.Request{Repo: repo, Files: files, Need: files, Dir: f.dir, Listing: listing}, nil
}

// parts are the folders of a pipeline that Open reads.
var parts = []string{"unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"}

// pipelineFiles picks, of a repository's files, those that a pipeline or a single
// part of one needs.
func pipelineFiles(all []hub.File, variant string) ([]string, error) {
	byFolder := map[string][]string{}
	for _, f := range all {
		dir, base := path.Split(f.Path)
		byFolder[strings.TrimSuffix(dir, "/")] = append(byFolder[strings.TrimSuffix(dir, "/")], base)
	}
	var out []string
	take := func(folder string, names ...string) {
		for _, n := range names {
			out = append(out, path.Join(folder, n))
		}
	}
	if byFolder["unet"] == nil { // a repository that is one part: an autoencoder
		weights := weightFiles(byFolder[""], variant)
		if weights == nil {
			return nil, &fault.Error{Kind: fault.Missing, Op: "diffusion", What: "repository", Have: "has neither a folder unet nor weights of a part"}
		}
		take("", weights...)
		take("", smallFiles(byFolder[""])...)
		return out, nil
	}
	take("", slices.DeleteFunc(slices.Clone(byFolder[""]), func(n string) bool { return n != "model_index.json" })...)
	for _, folder := range parts {
		names := byFolder[folder]
		take(folder, smallFiles(names)...)
		weights := weightFiles(names, variant)
		if weights == nil && (folder == "unet" || folder == "vae" || folder == "text_encoder") {
			return nil, &fault.Error{Kind: fault.Missing, Op: "diffusion", What: folder, Have: "has no weights that can be read"}
		}
		take(folder, weights...)
	}
	return out, nil
}

// smallFiles picks configs and tokenizers.
func smallFiles(names []string) []string {
	var out []string
	for _, n := range names {
		if strings.HasSuffix(n, ".json") && !strings.HasSuffix(n, ".index.json") && !strings.Contains(n, ".index.") ||
			n == "merges.txt" || n == "vocab.txt" || n == "tokenizer.model" {
			out = append(out, n)
		}
	}
	return out
}

// weightFiles picks one form of a part's weights: those of the variant before the
// plain ones before those of fp16, safetensors before torch, one file before several.
func weightFiles(names []string, variant string) []string {
	for _, v := range slices.Compact([]string{variant, "", "fp16"}) {
		infix := ""
		if v != "" {
			infix = "." + v
		}
		for _, ending := range []string{".safetensors", ".bin"} {
			for _, base := range []string{"diffusion_pytorch_model", "model", "pytorch_model"} {
				if n := base + infix + ending; slices.Contains(names, n) {
					return []string{n}
				}
				if index := base + ending + ".index" + infix + ".json"; slices.Contains(names, index) {
					return append(shards(names, base+infix, ending), index)
				}
			}
		}
	}
	return nil
}

// shards picks the files base-00001-of-00007.ending, with a variant before or behind
// the number.
func shards(names []string, base, ending string) []string {
	stem, variant, _ := strings.Cut(base, ".")
	var out []string
	for _, n := range names {
		if strings.HasPrefix(n, stem) && strings.HasSuffix(n, ending) && strings.Contains(n, "-of-") && (variant == "") == !strings.Contains(strings.TrimSuffix(strings.TrimPrefix(n, stem), ending), ".") {
			out = append(out, n)
		}
	}
	return out
}

// cached returns the folder of a name on a hub, "hf:owner/name", as far as it is in
// the cache; other paths are themselves.
func cached(name string) (string, error) {
	if !strings.HasPrefix(name, "hf:") && !strings.HasPrefix(name, "ms:") {
		return name, nil
	}
	repo, err := hub.ParseName(name, hub.ModelScope)
	if err != nil {
		return "", err
	}
	dir, err := new(hub.Client).Cached(hub.Request{Repo: repo})
	if err != nil {
		return "", &fault.Error{Kind: fault.Missing, Op: "diffusion", Where: name, What: "model", Have: "is not in the cache",
			Want: "diffusion.Fetch(ctx, \"" + name + "\") first", Err: err}
	}
	return dir, nil
}
