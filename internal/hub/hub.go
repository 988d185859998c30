package hub

import (
	"context"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Site is one of the two hubs.
type Site uint8

// The hubs. The zero value is ModelScope.
const (
	ModelScope Site = iota
	HuggingFace
)

// String returns the prefix that names the hub: "ms" or "hf".
func (s Site) String() string {
	if s == HuggingFace {
		return "hf"
	}
	return "ms"
}

// Kind says what a repository holds.
type Kind uint8

// The kinds of repository.
const (
	Model Kind = iota
	Dataset
)

// String returns "model" or "dataset".
func (k Kind) String() string {
	if k == Dataset {
		return "dataset"
	}
	return "model"
}

// Repo names a repository and a state of it.
type Repo struct {
	Hub      Site
	Kind     Kind
	ID       string // owner/name
	Revision string // branch, tag or commit; "" is the hub's main branch
}

// ParseName reads "hf:owner/name", "ms:owner/name" or "owner/name", each maybe with
// "@revision" behind it. A name without a prefix is of the hub given.
func ParseName(name string, site Site) (Repo, error) {
	r := Repo{Hub: site}
	rest := name
	if s, ok := strings.CutPrefix(name, "hf:"); ok {
		r.Hub, rest = HuggingFace, s
	} else if s, ok := strings.CutPrefix(name, "ms:"); ok {
		r.Hub, rest = ModelScope, s
	}
	r.ID, r.Revision, _ = strings.Cut(rest, "@")
	return r, r.check()
}

// check sees that the name is one of a repository and can be a folder's.
func (r Repo) check() error {
	owner, name, ok := strings.Cut(r.ID, "/")
	if !ok || !isWord(owner) || !isWord(name) {
		return &Error{Kind: Invalid, Op: "hub", What: "repository", Have: r.ID, Want: "owner/name"}
	}
	if strings.ContainsAny(r.Revision, "\\\x00?#") || strings.Contains(r.Revision, "..") || strings.HasPrefix(r.Revision, "/") {
		return &Error{Kind: Invalid, Op: "hub", What: "revision", Have: r.Revision, Want: "a branch, tag or commit"}
	}
	return nil
}

func isWord(s string) bool {
	return s != "" && s[0] != '.' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}

// String spells the repository as ParseName reads it.
func (r Repo) String() string {
	s := r.Hub.String() + ":" + r.ID
	if r.Revision != "" {
		s += "@" + r.Revision
	}
	return s
}

// rev returns the revision, with the hub's default for "".
func (r Repo) rev() string {
	switch {
	case r.Revision != "":
		return r.Revision
	case r.Hub == HuggingFace:
		return "main"
	}
	return "master"
}

// File is an entry of a repository.
type File struct {
	Path   string // with forward slashes; checked to stay inside
	Size   int64  // -1 if the hub does not say
	SHA256 string // of the content, "" if the hub does not say
	SHA1   string // git's blob id, "" if the hub does not say
}

// Listing is what a repository holds.
type Listing struct {
	Commit string // the commit that the files are of; "" where ModelScope does not say
	Files  []File // in the hub's order
}

// Progress is how far a Fetch has come.
type Progress struct {
	File              string // the file that bytes arrived for
	FileDone, FileAll int64  // bytes of it; FileAll is -1 while unknown
	Done, All         int64  // bytes of all files
}

// Request says what to fetch and where to.
type Request struct {
	Repo
	Files  []string // paths in the repository; empty for all
	Allow  []string // patterns of Python's fnmatch on the whole path; empty for all
	Ignore []string // patterns that win over Allow
	Need   []string // paths whose absence is said before the first file is fetched
	Dir    string   // a folder for the files, or "" for the cache

	// Listing is what List returned for the repository, so that several requests are
	// about one state of it. Nil asks the hub.
	Listing *Listing
}

// Client fetches. The zero value takes its settings from the variables that the
// Python clients know. A Client may be used by several goroutines at once.
type Client struct {
	Endpoint  string            // of the hub asked; "" is HF_ENDPOINT or MODELSCOPE_ENDPOINT, else the public one
	Token     string            // "" is HF_TOKEN or MODELSCOPE_API_TOKEN, or what the Python clients keep in a text file
	Cache     string            // "" is HF_HUB_CACHE, HF_HOME or MODELSCOPE_CACHE, else the user's cache folder
	Offline   bool              // make no request; for Hugging Face also by HF_HUB_OFFLINE
	Workers   int               // files at a time; 0 is 4
	Progress  func(Progress)    // called one call at a time, at most every 100 ms a file and at its end
	Transport http.RoundTripper // how requests travel; nil honours HTTP_PROXY, HTTPS_PROXY and NO_PROXY

	firstWait time.Duration // before the first retry; 0 is 500 ms
}

// List returns what the repository holds.
func (c *Client) List(ctx context.Context, r Repo) (*Listing, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if c.IsForbidden(r) {
		return nil, fail(Offline, r.String(), "listing needs the network")
	}
	s, err := c.session(r)
	if err != nil {
		return nil, err
	}
	defer s.close()
	return s.list(ctx)
}

// Fetch brings the files that the request asks for to the disk and returns the folder
// they lie in. Files that are there and verified are not fetched again. What is
// missing, private or gated is said before the first file is asked for.
func (c *Client) Fetch(ctx context.Context, q Request) (dir string, err error) {
	if err := q.check(); err != nil {
		return "", err
	}
	if dir, ok := c.commitOnDisk(q); ok {
		return dir, nil
	}
	if c.IsForbidden(q.Repo) {
		return c.onDisk(q)
	}
	s, err := c.session(q.Repo)
	if err != nil {
		return "", err
	}
	defer s.close()
	l := q.Listing
	if l == nil {
		if l, err = s.list(ctx); err != nil {
			return "", err
		}
	}
	files, err := q.pick(l.Files)
	if err != nil {
		return "", err
	}
	return s.fetchAll(ctx, q, l, files)
}

// Cached returns the folder of a repository in the cache, without any request. It is
// an error of kind Offline if the files that the request names are not all there.
func (c *Client) Cached(q Request) (dir string, err error) {
	if err := q.check(); err != nil {
		return "", err
	}
	return c.onDisk(q)
}

// check also sees that the paths asked for stay inside the repository.
func (q Request) check() error {
	for _, name := range q.Files {
		if !safePath(name) {
			return fail(Unsafe, q.String(), "the path %q leaves the repository", name)
		}
	}
	return q.Repo.check()
}

// pick returns the files of a listing that the request asks for.
func (q Request) pick(all []File) ([]File, error) {
	for _, name := range q.Need {
		if !slices.ContainsFunc(all, func(f File) bool { return f.Path == name }) {
			return nil, fail(NoFile, q.String(), "no file %s", name)
		}
	}
	var files []File
	named := map[string]bool{}
	for _, name := range q.Files {
		named[path.Clean(name)] = true
	}
	for _, f := range all {
		if len(named) > 0 && !named[f.Path] {
			continue
		}
		delete(named, f.Path)
		if q.wants(f.Path) {
			files = append(files, f)
		}
		if len(q.Files) > 0 && len(named) == 0 {
			break
		}
	}
	for name := range named {
		return nil, fail(NoFile, q.String(), "no file %s", name)
	}
	if len(files) == 0 && len(q.Allow) > 0 {
		return nil, fail(NoFile, q.String(), "no file matches %q", q.Allow)
	}
	return files, nil
}

func (q Request) wants(name string) bool {
	return (len(q.Allow) == 0 || matchAny(q.Allow, name)) && !matchAny(q.Ignore, name)
}

// fetchAll fetches the files, several at a time. The first failure stops the others,
// whose parts stay for the next call.
func (s *session) fetchAll(ctx context.Context, q Request, l *Listing, files []File) (string, error) {
	p, err := s.client.place(q, l)
	if err != nil {
		return "", err
	}
	defer p.close()
	t := newTally(s.client.Progress, files)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, s.client.workers()))
	for _, f := range files {
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return s.fetchFile(ctx, p, f, t)
		})
	}
	if err := g.Wait(); err != nil {
		return "", err
	}
	return p.dir(), p.finish()
}

func (c *Client) workers() int {
	if c.Workers > 0 {
		return c.Workers
	}
	return 4
}

// tally adds up progress and passes it on, one call at a time.
type tally struct {
	mu        sync.Mutex
	report    func(Progress)
	done, all int64
	last      map[string]time.Time
}

func newTally(report func(Progress), files []File) *tally {
	t := &tally{report: report, last: map[string]time.Time{}}
	for _, f := range files {
		t.all += max(0, f.Size)
	}
	return t
}

// add counts n bytes, fewer than none where a part is thrown away.
func (t *tally) add(f File, fileDone, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done += n
	if t.report == nil {
		return
	}
	if now := time.Now(); fileDone == f.Size || now.Sub(t.last[f.Path]) >= 100*time.Millisecond {
		t.last[f.Path] = now
		t.report(Progress{f.Path, fileDone, f.Size, t.done, max(t.all, t.done)})
	}
}

// safePath reports whether a path of a listing stays where it begins on every system.
func safePath(name string) bool {
	if name == "" || name[0] == '/' || strings.ContainsAny(name, "\\\x00") || len(name) > 1 && name[1] == ':' || len(name) > 4096 {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return filepath.IsLocal(filepath.FromSlash(name))
}

func getenv(names ...string) string {
	for _, n := range names {
		if v := os.Getenv(n); v != "" {
			return v
		}
	}
	return ""
}
