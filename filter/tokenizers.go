package filter

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/hub"
	"github.com/easel-go/easel/internal/tokenizer/bpe"
	"github.com/easel-go/easel/internal/tokenizer/spm"
)

// defaultTokenizer is what Data-Juicer counts tokens with unless told otherwise:
// GPT-NeoX's.
const defaultTokenizer = "EleutherAI/pythia-6.9b-deduped"

// modelsHome is a variable of the environment that names a folder, in which Data-Juicer
// looks for models by their names before anywhere else.
const modelsHome = "DATA_JUICER_EXTERNAL_MODELS_HOME"

// tokenCounter counts the tokens of a text, special ones before and behind left out.
type tokenCounter func(text string) (int, error)

// openTokenizer opens a tokenizer by what a recipe calls it: a folder, or a name on a hub
// that is in the cache.
func openTokenizer(op, name string) (tokenCounter, error) {
	dir, err := findTokenizer(op, name)
	if err != nil {
		if standardCLIP(name) {
			return clipCounter(bpe.Standard(bpe.Options{}))
		}
		return nil, err
	}
	fsys := os.DirFS(dir)
	t, err := bpe.OpenByteLevel(fsys)
	if err == nil {
		return func(text string) (int, error) { ids, err := t.Tokens(text); return len(ids), err }, nil
	}
	if count, clipErr := clipCounter(bpe.Open(fsys, bpe.Options{})); clipErr == nil {
		return count, nil
	}
	return nil, as("OSError", &Error{Kind: fault.KindOf(err), Op: "filter", What: op + ": tokenizer", Where: name, Want: "CLIP's, or byte-level BPE as GPT-2, GPT-NeoX, Llama 3 and Qwen have it", Err: err})
}

func standardCLIP(name string) bool { return strings.HasPrefix(name, "openai/clip-") }

func clipCounter(t *bpe.Tokenizer, err error) (tokenCounter, error) {
	return func(text string) (int, error) { return len(t.Tokens(text)), nil }, err
}

// findTokenizer returns the folder of a tokenizer.
func findTokenizer(op, name string) (dir string, err error) {
	if home := os.Getenv(modelsHome); home != "" {
		if dir := filepath.Join(home, name); isFolder(dir) {
			return dir, nil
		}
	}
	if isFolder(name) {
		return name, nil
	}
	missing := &Error{Kind: Missing, Op: "filter", What: op + ": tokenizer", Have: name, Want: "a folder, or a name on a hub"}
	repo, err := hub.ParseName(name, hub.HuggingFace)
	if err != nil {
		missing.Err = err
		return "", as("OSError", missing)
	}
	for _, files := range [][]string{{"tokenizer.json"}, {"vocab.json", "merges.txt"}} {
		if dir, err = new(hub.Client).Cached(hub.Request{Repo: repo, Files: files}); err == nil {
			return dir, nil
		}
	}
	missing.Want, missing.Err = "filter.FetchTokenizer(ctx, \""+name+"\") first", err
	return "", as("OSError", missing)
}

func isFolder(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// FetchTokenizer brings the tokenizer of a model to the cache that the hubs' Python
// clients share, without the model, and returns its folder: recipes find it there by its
// name, "owner/name" on Hugging Face or "ms:owner/name" on ModelScope.
// alphanumeric_filter with tokenization, and token_num_filter unless told otherwise,
// want "EleutherAI/pythia-6.9b-deduped".
func FetchTokenizer(ctx context.Context, name string) (dir string, err error) {
	repo, err := hub.ParseName(name, hub.HuggingFace)
	if err != nil {
		return "", err
	}
	return new(hub.Client).Fetch(ctx, hub.Request{Repo: repo, Allow: []string{
		"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt"}})
}

// pieces is how texts are cut into words where tokenization is on: by a SentencePiece
// model.
type pieces struct{ m *spm.Model }

// load opens the model of a language if it is wanted and not open yet.
func (p *pieces) load(on bool, lang string) (err error) {
	if on && p.m == nil {
		p.m, err = openPieces(lang + ".sp.model")
	}
	return err
}

// words cuts a text into pieces, or at blanks if no model is loaded.
func (p *pieces) words(text string) []string {
	if p.m != nil {
		return p.m.Pieces(text)
	}
	return splitWords(text)
}

// lower are the refined words of text in lower case.
func (p *pieces) lower(text string) []string {
	words := p.words(text)
	for i := range words {
		words[i] = pyLower(words[i])
	}
	return refineWords(words)
}

// openPieces reads a SentencePiece model from where Data-Juicer looks for it: the
// path itself, the folders of models, the cache.
func openPieces(name string) (*spm.Model, error) {
	places := []string{name}
	for _, dir := range filepath.SplitList(os.Getenv(modelsHome)) {
		places = append(places, filepath.Join(strings.TrimSpace(dir), name))
	}
	cache := modelsCache()
	places = append(places, filepath.Join(cache, name))
	for _, p := range places {
		if st, err := os.Stat(p); err != nil || st.IsDir() {
			continue
		}
		b, err := readLimited(p)
		var m *spm.Model
		if err == nil {
			m, err = spm.Parse(b)
		}
		if err != nil {
			return nil, as("RuntimeError", &Error{Kind: fault.KindOf(err), Op: "filter", What: "SentencePiece model", Where: p, Err: err})
		}
		return m, nil
	}
	return nil, as("RuntimeError", &Error{Kind: Missing, Op: "filter", What: "SentencePiece model " + name, Have: "not in " + cache,
		Want: "the file there, in a folder that " + modelsHome + " names, or in the working directory (Data-Juicer fetches its own from the network; this package does not)"})
}

// maxPieces bounds the size of a SentencePiece model.
const maxPieces = 1 << 26

func readLimited(path string) ([]byte, error) {
	if st, err := os.Stat(path); err == nil && st.Size() > maxPieces {
		return nil, fail(Limit, "%s has %d bytes, want at most %d", path, st.Size(), maxPieces)
	}
	return os.ReadFile(path)
}

// modelsCache is the folder that Data-Juicer fetches models into.
func modelsCache() string { return cacheFolder("DATA_JUICER_MODELS_CACHE", "models") }

// cacheFolder is a folder of Data-Juicer's cache.
func cacheFolder(variable, name string) string {
	if dir := os.Getenv(variable); dir != "" {
		return dir
	}
	if dir := os.Getenv("DATA_JUICER_CACHE_HOME"); dir != "" {
		return filepath.Join(expandHome(dir), name)
	}
	dir := os.Getenv("CACHE_HOME")
	if dir == "" {
		dir = "~/.cache"
	}
	return filepath.Join(expandHome(dir), "data_juicer", name)
}

func expandHome(dir string) string {
	rest, ok := strings.CutPrefix(dir, "~")
	home, err := os.UserHomeDir()
	if !ok || err != nil {
		return dir
	}
	return home + rest
}
