package fakehub

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/easel-go/easel/internal/golden"
)

// Table is the file hub/easel.json of the goldens: what must lie on disk after which
// calls, under which faults.
type Table struct {
	Seed          int               `json:"seed"`
	Kinds         map[string]string `json:"kinds"`
	NullBecause   map[string]string `json:"null_because"`
	ClientDiffers map[string]string `json:"client_differs"`
	Logs          map[string]*Case  `json:"logs"`
	Faults        map[string]*Case  `json:"faults"`
	Caches        map[string]*Cache `json:"caches"`
}

// Case is a server in some state and the calls made to it.
type Case struct {
	Rules       []Rule            `json:"rules"`
	Config      json.RawMessage   `json:"config"`
	StorageHost string            `json:"storage_host"`
	Env         map[string]string `json:"env"`
	Calls       []Call            `json:"calls"`
}

// Cache is what a real client left, and the calls that must find it.
type Cache struct {
	Home  string               `json:"home"`
	Files map[string]CacheFile `json:"files"`
	Calls []Call               `json:"calls"`
}

// CacheFile is a file of a cache: bytes of the tree, a text, or a link.
type CacheFile struct {
	SHA256 string  `json:"sha256"`
	Text   *string `json:"text"`
	Link   string  `json:"link"`
}

// Call is one call of the client.
type Call struct {
	Do       string   `json:"do"`
	API      string   `json:"api"`
	Type     string   `json:"type"`
	Repo     string   `json:"repo"`
	Revision string   `json:"revision"`
	Files    []string `json:"files"`
	Allow    []string `json:"allow"`
	Ignore   []string `json:"ignore"`
	Token    string   `json:"token"`
	Offline  bool     `json:"offline"`
	To       string   `json:"to"`
	Dir      string   `json:"dir"`
	CacheDir string   `json:"cache_dir"`
	Preset   string   `json:"preset"`
	Subset   string   `json:"subset"`
	Split    string   `json:"split"`
	Forbid   []string `json:"forbid"`
	Expect   Expect   `json:"expect"`
}

// Expect is what a call must end with.
type Expect struct {
	Result      string            `json:"result"`
	Kinds       []string          `json:"kinds"`
	Tree        map[string]string `json:"tree"`
	May         map[string]string `json:"may"`
	Rows        []json.RawMessage `json:"rows"`
	MaxRequests int               `json:"max_requests"`
	MaxS        float64           `json:"max_s"`
	MaxBodies   *int              `json:"max_file_bodies"`
	NoLeak      [][2]string       `json:"no_credentials_to"`
}

// Outcome is what a call ended with.
type Outcome struct {
	Dir   string // the folder it returned
	Err   error
	Kind  string // of Err, by the table's names
	Check func() // compares the rows
}

// Target is where a call goes: the server's address, and the folders it may use.
type Target struct {
	Endpoint string // "" where there is no server
	Dir      string // for the files, "" for the cache
	Cache    string // "" for the usual one
}

// ReadTable reads the golden table.
func ReadTable(t testing.TB) *Table {
	t.Helper()
	x := golden.JSON[Table](t, golden.Part(t, "hub/easel.json"))
	return &x
}

// Run runs every case whose calls are of the kind do ("fetch" or "load"), each as a
// subtest in a working folder and a home of its own.
func Run(t *testing.T, do string, run func(t *testing.T, to Target, c Call) Outcome) {
	table, index := ReadTable(t), ReadIndex(t)
	for _, part := range []map[string]*Case{table.Logs, table.Faults} {
		for _, name := range golden.Keys(part) {
			c := part[name]
			if c == nil && table.NullBecause[name] == "" {
				t.Errorf("%s is null, and nothing says why", name)
			}
			if c == nil || !slices.ContainsFunc(c.Calls, func(k Call) bool { return k.Do == do }) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				work := fresh(t, c.Env)
				s := Start(t, index, c.Rules, c.Config, c.StorageHost)
				runCalls(t, work, s, c.Calls, run)
			})
		}
	}
	for _, name := range golden.Keys(table.Caches) {
		c := table.Caches[name]
		if c.Calls[0].Do == do {
			t.Run("cache/"+name, func(t *testing.T) {
				work := fresh(t, nil)
				c.lay(t, work, index)
				runCalls(t, work, nil, c.Calls, run)
			})
		}
	}
}

// fresh makes a working folder with an empty home, and forgets all settings.
func fresh(t *testing.T, env map[string]string) string {
	work := t.TempDir()
	t.Chdir(work)
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		for _, prefix := range []string{"HF_", "MODELSCOPE_", "HUGGING", "TRANSFORMERS_", "XDG_", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
			if strings.HasPrefix(name, prefix) {
				t.Setenv(name, "")
			}
		}
	}
	home := filepath.Join(work, "home")
	os.Mkdir(home, 0o777)
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	for k, v := range env {
		t.Setenv(k, v)
	}
	return work
}

// lay writes the files that the client left.
func (c *Cache) lay(t *testing.T, work string, x *Index) {
	t.Helper()
	for name, f := range c.Files {
		file := filepath.Join(work, filepath.FromSlash(name))
		os.MkdirAll(filepath.Dir(file), 0o777)
		var err error
		switch {
		case f.Link != "":
			err = os.Symlink(filepath.FromSlash(f.Link), file)
		case f.Text != nil:
			err = os.WriteFile(file, []byte(*f.Text), 0o666)
		default:
			var b []byte
			if b, err = x.Bytes(f.SHA256); err == nil {
				err = os.WriteFile(file, b, 0o666)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func runCalls(t *testing.T, work string, s *Server, calls []Call, run func(*testing.T, Target, Call) Outcome) {
	allowed := map[string]bool{}
	for i, c := range calls {
		to := Target{}
		if s != nil {
			to.Endpoint = s.URL
		}
		if c.To == "dir" {
			to.Dir = filepath.Join(work, "out")
			if c.Dir != "" {
				to.Dir = filepath.Join(work, c.Dir)
			}
		}
		if c.CacheDir != "" {
			to.Cache = filepath.Join(work, c.CacheDir)
		}
		var before []Seen
		if s != nil {
			before = s.Seen()
		}
		start := time.Now()
		out := run(t, to, c)
		took := time.Since(start).Seconds()
		for _, sum := range c.Expect.Tree {
			allowed[sum] = true
		}
		for _, sum := range c.Expect.May {
			allowed[sum] = true
		}
		c.judge(t, i, out)
		c.disk(t, i, work, allowed)
		if took > c.Expect.MaxS {
			t.Errorf("call %d took %.1f s, want at most %.0f", i, took, c.Expect.MaxS)
		}
		if s != nil {
			c.wire(t, i, s.Seen()[len(before):])
		}
	}
}

// judge compares the result, and the files in the folder that was returned.
func (c Call) judge(t *testing.T, i int, out Outcome) {
	t.Helper()
	e := c.Expect
	if out.Err != nil {
		if e.Result == "ok" {
			t.Fatalf("call %d: %v, want success", i, out.Err)
		}
		if !slices.Contains(e.Kinds, out.Kind) {
			t.Errorf("call %d: kind %q (%v), want one of %q", i, out.Kind, out.Err, e.Kinds)
		}
		return
	}
	if e.Result == "error" {
		t.Errorf("call %d: success, want an error of %q", i, e.Kinds)
		return
	}
	have := contents(t, out.Dir)
	for name, sum := range e.Tree {
		if have[name] != sum {
			t.Errorf("call %d: %s has the hash %q, want %q", i, name, have[name], sum)
		}
	}
	for name, sum := range have {
		if !bookkeeping(name) && e.Tree[name] != sum && e.May[name] != sum {
			t.Errorf("call %d: %s should not be there", i, name)
		}
	}
	if out.Check != nil {
		out.Check()
	}
}

// disk sees that no file anywhere holds bytes that no call may leave.
func (c Call) disk(t *testing.T, i int, work string, allowed map[string]bool) {
	t.Helper()
	for name, sum := range contents(t, work) {
		if !bookkeeping(name) && !allowed[sum] {
			t.Errorf("call %d: %s holds bytes that should not be there", i, name)
		}
	}
	for _, name := range c.Forbid {
		if _, err := os.Lstat(name); err == nil {
			t.Errorf("call %d: wrote %s", i, name)
		}
	}
}

// bookkeeping reports whether the file is a client's own note, lock or part.
func bookkeeping(name string) bool {
	if strings.HasSuffix(name, ".incomplete") || strings.HasSuffix(name, ".lock") || strings.Contains(name, "/refs/") || strings.HasSuffix(name, "CACHEDIR.TAG") {
		return true
	}
	inside := name
	for _, usual := range []string{"home/.cache/huggingface/", "home/.cache/modelscope/"} {
		inside = strings.TrimPrefix(inside, usual)
	}
	for part := range strings.SplitSeq(inside, "/") {
		if strings.HasPrefix(part, ".") {
			return true
		}
	}
	return false
}

// contents hashes every file below dir, through links.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	have := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		sum := sha256.Sum256(b)
		have[filepath.ToSlash(rel)] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return have
}

// wire compares what went over it.
func (c Call) wire(t *testing.T, i int, seen []Seen) {
	t.Helper()
	bodies := 0
	for _, r := range seen {
		if r.Body {
			bodies++
		}
		for _, no := range c.Expect.NoLeak {
			if r.Credential && r.Host == no[0] && r.Storage == (no[1] == "storage") {
				t.Errorf("call %d: credentials went to %s: %s", i, r.Host, r.Path)
			}
		}
	}
	if len(seen) > c.Expect.MaxRequests {
		t.Errorf("call %d: %d requests, want at most %d", i, len(seen), c.Expect.MaxRequests)
	}
	if c.Expect.MaxBodies != nil && bodies > *c.Expect.MaxBodies {
		t.Errorf("call %d: %d answers carried a file, want at most %d", i, bodies, *c.Expect.MaxBodies)
	}
}
