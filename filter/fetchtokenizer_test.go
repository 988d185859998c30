package filter

import (
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/hub/fakehub"
)

// TestFetchTokenizer fetches a tokenizer from a hub that has a model beside it, and finds
// it again by its name.
func TestFetchTokenizer(t *testing.T) {
	index := fakehub.ReadIndex(t)
	entry := func(path, text string) fakehub.Entry {
		return fakehub.Entry{Path: path, Size: int64(len(text)), Text: &text,
			SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(text))), SHA1: fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(text), text)))}
	}
	file := string(golden.Bytes(t, "../internal/tokenizer/bpe/testdata/bytelevel/neox/tokenizer.json"))
	index.Repos = append(index.Repos, fakehub.Repo{Repo: defaultTokenizer, Type: "model", Revisions: []fakehub.Revision{
		{Commit: strings.Repeat("5", 40), Files: []fakehub.Entry{entry("tokenizer.json", file), entry("README.md", "a model")}}}})
	server := fakehub.Start(t, index, nil, nil, "localhost")
	t.Setenv("HF_ENDPOINT", server.URL)
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	t.Setenv(modelsHome, "")
	if _, err := New("token_num_filter", nil); err == nil {
		t.Error("a tokenizer that is not there opened")
	}
	dir, err := FetchTokenizer(t.Context(), defaultTokenizer)
	if err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("fetched %v (%v), want tokenizer.json alone", files, err)
	}
	if _, err := New("token_num_filter", nil); err != nil {
		t.Error(err)
	}
	if _, err := FetchTokenizer(t.Context(), "one/Big"); err == nil {
		t.Error("a repository without a tokenizer was fetched")
	}
}
