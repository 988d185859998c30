// Package fakehub is a hub for tests: both hubs' read side on 127.0.0.1, with faults
// that can be switched on. It serves the repositories of the golden tree hub/tree, as
// the Python stand-in does that the real clients were recorded with.
package fakehub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/easel-go/easel/internal/golden"
)

// Rule is a fault: it acts on the requests that match, after Skip of them and Times
// times (nil once, -1 for ever).
type Rule struct {
	Match   string            `json:"match"`
	Do      string            `json:"do"`
	Method  string            `json:"method"`
	Range   *bool             `json:"range"`
	Times   *int              `json:"times"`
	Skip    int               `json:"skip"`
	Code    int               `json:"code"`
	Headers map[string]string `json:"headers"`
	JSON    json.RawMessage   `json:"json"`
	After   *int              `json:"after"`
	At      int               `json:"at"`
	Shift   *int              `json:"shift"`
	Total   *int64            `json:"total"`
	Delta   *int              `json:"delta"`
	With    string            `json:"with"`
	Cut     bool              `json:"cut"`
	Gzip    bool              `json:"gzip"`
	To      string            `json:"to"`
	Step    int               `json:"step"`
	Delay   float64           `json:"delay"`
	Seconds float64           `json:"seconds"`

	re   *regexp.Regexp
	hits int
}

// Config is how the stand-in behaves; the defaults are in the tree's index.
type Config struct {
	LFSRedirect   bool `json:"lfs_redirect"`
	ResolveCache  bool `json:"resolve_cache"`
	StrictStorage bool `json:"strict_storage"`
	PresignUses   int  `json:"presign_uses"`
	Page          int  `json:"page"`
	MSFilesCap    int  `json:"ms_files_cap"`
	MSHash        bool `json:"ms_hash"`
	MSZeroSize    bool `json:"ms_zero_size"`
}

// Index is what the tree holds.
type Index struct {
	Seed            int               `json:"seed"`
	DefaultRevision map[string]string `json:"default_revision"`
	Tokens          map[string]string `json:"tokens"`
	LFS             []string          `json:"lfs"`
	ConfigDefaults  Config            `json:"config_defaults"`
	Repos           []Repo            `json:"repos"`

	dir string
}

// Repo is a repository of the tree.
type Repo struct {
	Repo      string     `json:"repo"`
	Type      string     `json:"type"`
	MSID      int        `json:"ms_id"`
	MSType    int        `json:"ms_type"`
	Private   bool       `json:"private"`
	Gated     bool       `json:"gated"`
	LFS       []string   `json:"lfs"`
	Revisions []Revision `json:"revisions"`
}

// Revision is a state of a repository; the default one's name is "".
type Revision struct {
	Name   string  `json:"name"`
	Dir    string  `json:"dir"`
	Commit string  `json:"commit"`
	Files  []Entry `json:"files"`
}

// Entry is a file as served.
type Entry struct {
	Path   string  `json:"path"`
	Size   int64   `json:"size"`
	SHA256 string  `json:"sha256"`
	SHA1   string  `json:"git_sha1"`
	LFS    bool    `json:"lfs"`
	Text   *string `json:"text"`
}

// ReadIndex reads the golden tree.
func ReadIndex(t testing.TB) *Index {
	t.Helper()
	dir := golden.Part(t, "hub/tree")
	x := golden.JSON[Index](t, filepath.Join(dir, "index.json"))
	x.dir = dir
	return &x
}

// Bytes returns the content of a file of the tree, by its SHA-256.
func (x *Index) Bytes(sha256 string) ([]byte, error) {
	for _, r := range x.Repos {
		for _, v := range r.Revisions {
			for _, e := range v.Files {
				if e.SHA256 == sha256 {
					return x.read(v, e)
				}
			}
		}
	}
	return nil, fmt.Errorf("fakehub: no file with the hash %s", sha256)
}

func (x *Index) read(v Revision, e Entry) ([]byte, error) {
	if e.Text != nil {
		return []byte(*e.Text), nil
	}
	return os.ReadFile(filepath.Join(x.dir, filepath.FromSlash(v.Dir), filepath.FromSlash(e.Path)))
}

// Seen is a request that the servers got.
type Seen struct {
	Storage    bool
	Host       string
	Path       string
	Credential bool // Authorization or Cookie came along
	Body       bool // answered with a file's content
}

// Server is the hub and its storage.
type Server struct {
	URL string // of the hub

	index   *Index
	config  Config
	rules   []*Rule
	storage string // URL, under the name that redirects use

	mu      sync.Mutex
	seen    []Seen
	objects map[string][]byte
	uses    map[string]int
	signed  int
}

// Start serves the tree until the test ends. config overrides the defaults by name.
func Start(t testing.TB, x *Index, rules []Rule, config json.RawMessage, storageHost string) *Server {
	t.Helper()
	s := &Server{index: x, config: x.ConfigDefaults, objects: map[string][]byte{}, uses: map[string]int{}}
	if len(config) > 0 {
		d := json.NewDecoder(bytes.NewReader(config))
		d.DisallowUnknownFields()
		if err := d.Decode(&s.config); err != nil {
			t.Fatalf("fakehub: %v", err)
		}
	}
	for _, r := range rules {
		r.re = regexp.MustCompile(r.Match)
		s.rules = append(s.rules, &r)
	}
	hub := httptest.NewServer(s.handler(false))
	storage := httptest.NewServer(s.handler(true))
	t.Cleanup(hub.Close)
	t.Cleanup(storage.Close)
	s.URL = hub.URL
	u, _ := url.Parse(storage.URL)
	s.storage = "http://" + storageHost + ":" + u.Port()
	return s
}

// Seen returns the requests so far.
func (s *Server) Seen() []Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// call is one request on its way.
type call struct {
	*Server
	w     http.ResponseWriter
	r     *http.Request
	path  string
	query url.Values
	fault *Rule
	at    int // in seen
	store bool
}

func (s *Server) handler(storage bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{Server: s, w: w, r: r, path: r.URL.Path, query: r.URL.Query(), store: storage}
		full, err := url.PathUnescape(r.URL.RequestURI())
		if err != nil {
			full = r.URL.RequestURI()
		}
		if storage {
			full = "storage:" + full
		}
		host, _, _ := strings.Cut(r.Host, ":")
		s.mu.Lock()
		c.at = len(s.seen)
		s.seen = append(s.seen, Seen{Storage: storage, Host: host, Path: full, Credential: r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != ""})
		c.fault = s.pick(r, full)
		s.mu.Unlock()
		switch {
		case c.early():
		case storage:
			c.object()
		default:
			c.hub()
		}
	})
}

// pick returns the first live rule that matches.
func (s *Server) pick(r *http.Request, full string) *Rule {
	ranged := r.Header.Get("Range") != ""
	for _, f := range s.rules {
		if f.Method != "" && f.Method != r.Method || !f.re.MatchString(full) || f.Range != nil && *f.Range != ranged {
			continue
		}
		f.hits++
		times := 1
		if f.Times != nil {
			times = *f.Times
		}
		if f.hits <= f.Skip || times >= 0 && f.hits-f.Skip > times {
			continue
		}
		return f
	}
	return nil
}

func (c *call) do() string {
	if c.fault == nil {
		return ""
	}
	return c.fault.Do
}

// early answers for the faults that need nothing of the tree.
func (c *call) early() bool {
	f := c.fault
	switch c.do() {
	case "status":
		body := f.JSON
		if body == nil {
			body, _ = json.Marshal(map[string]any{"error": "injected", "Code": f.Code, "Message": "injected", "Success": false})
		}
		c.reply(f.Code, body, f.Headers)
	case "html":
		c.reply(200, []byte("<html><body>login to continue</body></html>"), map[string]string{"Content-Type": "text/html"})
	case "redirect":
		to := c.r.URL.RequestURI()
		if f.To != "self" {
			to = strings.ReplaceAll(f.To, "{storage}", c.storage)
		}
		code := f.Code
		if code == 0 {
			code = 302
		}
		c.reply(code, nil, map[string]string{"Location": to})
	case "stall":
		time.Sleep(time.Duration(f.Seconds * float64(time.Second)))
		panic(http.ErrAbortHandler)
	case "close":
		panic(http.ErrAbortHandler)
	default:
		return false
	}
	return true
}

func (c *call) reply(code int, body []byte, headers map[string]string) {
	if c.do() == "cut_json" {
		n := len(body) / 2
		if c.fault.After != nil {
			n = min(n, *c.fault.After)
		}
		body = body[:n]
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	for k, v := range headers {
		h.Set(k, v)
	}
	c.w.WriteHeader(code)
	if c.r.Method != http.MethodHead {
		c.w.Write(body)
	}
}

func (c *call) json(code int, v any, headers map[string]string) {
	b, _ := json.Marshal(v)
	c.reply(code, b, headers)
}
