package hub

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// hfFolder is the name of a repository's folder in Hugging Face's cache.
func hfFolder(r Repo) string { return r.Kind.String() + "s--" + strings.ReplaceAll(r.ID, "/", "--") }

// msSnapshot is the folder of a revision in ModelScope's cache.
func msSnapshot(r Repo, revision string) string {
	return path.Join(r.Kind.String()+"s", strings.ReplaceAll(r.ID, "/", "--"), "snapshots", revision)
}

// oldFolders are the folders that earlier ModelScope clients put a repository in, newest
// first, below the cache. Dots in a name became ___ there.
func oldFolders(r Repo) []string {
	owner, name, _ := strings.Cut(r.ID, "/")
	name = strings.ReplaceAll(name, ".", "___")
	var dirs []string
	for _, base := range []string{r.Kind.String() + "s", "hub/" + r.Kind.String() + "s", "hub", "."} {
		dirs = append(dirs, path.Join(base, owner, name))
	}
	return dirs
}

// commitOnDisk finds files of a full commit id in Hugging Face's cache: a commit never
// changes, so that nothing need be asked.
func (c *Client) commitOnDisk(q Request) (string, bool) {
	if q.Hub != HuggingFace || q.Dir != "" || len(q.Files) == 0 || !isHex(q.Revision, 40) {
		return "", false
	}
	dir, err := c.onDisk(q)
	return dir, err == nil
}

// onDisk finds what a request asks for without any request to a hub.
func (c *Client) onDisk(q Request) (string, error) {
	var dirs []string
	switch {
	case q.Dir != "":
		dirs = []string{q.Dir}
	case q.Hub == HuggingFace:
		dirs = c.hfOnDisk(q.Repo)
	default:
		dirs = c.msOnDisk(q.Repo)
	}
	missing := "nothing of it"
	for _, dir := range dirs {
		lack, ok := q.lacks(dir)
		if ok {
			return dir, nil
		}
		if lack != "" {
			missing = lack
		}
	}
	return "", fail(Offline, q.String(), "the cache lacks %s", missing)
}

// lacks reports whether the folder holds what the request asks for, and what it lacks.
func (q Request) lacks(dir string) (string, bool) {
	for _, name := range q.Files {
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || !info.Mode().IsRegular() {
			return name, false
		}
	}
	if len(q.Files) > 0 {
		return "", true
	}
	found := false
	filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if rel = filepath.ToSlash(rel); err == nil && !strings.HasPrefix(path.Base(rel), ".") && !strings.HasSuffix(rel, ".incomplete") && q.wants(rel) {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	if !found && len(q.Allow) > 0 {
		return strings.Join(q.Allow, ", "), false
	}
	return "", found
}

func (c *Client) hfOnDisk(r Repo) []string {
	base := filepath.Join(c.cache(HuggingFace), hfFolder(r))
	commit := r.rev()
	if !isHex(commit, 40) {
		b, err := os.ReadFile(filepath.Join(base, "refs", filepath.FromSlash(commit)))
		if commit = strings.TrimSpace(string(b)); err != nil || !isHex(commit, 40) {
			return nil
		}
	}
	return []string{filepath.Join(base, "snapshots", commit)}
}

// msOnDisk lists the folders that may hold a revision: that of the new layout (master,
// main or the only one, if none is named), then those of earlier clients, which note
// their revision in the text file .mv.
func (c *Client) msOnDisk(r Repo) []string {
	base := c.cache(ModelScope)
	var dirs []string
	snapshots := filepath.Join(base, filepath.FromSlash(path.Dir(msSnapshot(r, "x"))))
	if r.Revision != "" {
		dirs = append(dirs, filepath.Join(snapshots, filepath.FromSlash(r.Revision)))
	} else {
		dirs = append(dirs, filepath.Join(snapshots, "master"), filepath.Join(snapshots, "main"))
		if list, err := os.ReadDir(snapshots); err == nil && len(list) == 1 {
			dirs = append(dirs, filepath.Join(snapshots, list[0].Name()))
		}
	}
	for _, old := range oldFolders(r) {
		dir := filepath.Join(base, filepath.FromSlash(old))
		if r.Revision == "" || oldRevision(dir) == r.Revision {
			dirs = append(dirs, dir)
		}
	}
	return slices.DeleteFunc(dirs, func(dir string) bool {
		_, err := os.Stat(dir)
		return errors.Is(err, fs.ErrNotExist)
	})
}

// oldRevision reads "Revision:v1,CreatedAt:…" of an earlier client.
func oldRevision(dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, ".mv"))
	if err != nil || len(b) > 4096 {
		return ""
	}
	rev, _, _ := strings.Cut(strings.TrimPrefix(string(b), "Revision:"), ",")
	return strings.TrimSpace(rev)
}
