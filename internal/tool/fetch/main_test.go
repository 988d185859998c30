package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/easel-go/easel/internal/hub/fakehub"
)

// TestRun fetches every public repository of the hub's tree from both hubs.
func TestRun(t *testing.T) {
	index := fakehub.ReadIndex(t)
	server := fakehub.Start(t, index, nil, nil, "localhost")
	for _, r := range index.Repos {
		if r.Private || r.Gated {
			continue
		}
		for _, api := range []string{"ms", "hf"} {
			dir := t.TempDir()
			if err := run(t.Context(), []string{"-quiet", "-api", api, "-endpoint", server.URL, "-type", r.Type, "-repo", r.Repo, "-out", dir}); err != nil {
				t.Errorf("%s:%s: %v", api, r.Repo, err)
			}
			for _, f := range r.Revisions[0].Files {
				if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(f.Path))); err != nil || info.Size() != f.Size {
					t.Errorf("%s:%s: %s: %v", api, r.Repo, f.Path, err)
				}
			}
		}
	}
	for _, args := range [][]string{{"-api", "x"}, {"-type", "x"}, {"-repo", "a"}, {"-endpoint", server.URL, "-repo", "a/b", "../x"}} {
		if run(t.Context(), append([]string{"-quiet"}, args...)) == nil {
			t.Errorf("%q succeeded", args)
		}
	}
}
