package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/easel-go/easel/internal/hub/fakehub"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*.bin", "a/b.bin", true}, {"*.bin", "a.bin.x", false}, {"a?c", "abc", true}, {"a?c", "a/c", true},
		{"[a-c]x", "bx", true}, {"[!a-c]x", "bx", false}, {"[]]x", "]x", true}, {"[ab", "[ab", true}, {"", "", true},
		{"*", "", true}, {"a*b*c", "aXbYc", true}, {"a*b*c", "aXcYb", false}, {"图*", "图/一.png", true}, {"[!]a]", "b", true},
	} {
		if have := match(c.pattern, c.name); have != c.want {
			t.Errorf("match(%q, %q) = %v", c.pattern, c.name, have)
		}
	}
	if !matchAny([]string{"sub/"}, "sub/deep/x.txt") {
		t.Error("a pattern that ends in a slash is everything below")
	}
}

func TestSafePath(t *testing.T) {
	for name, want := range map[string]bool{"a/b.txt": true, ".gitattributes": true, "a b/图.png": true, "": false, "/a": false, "../a": false,
		"a/../b": false, "a/./b": false, "a//b": false, `a\b`: false, "a\x00b": false, "C:a": false, "a/..": false} {
		if safePath(name) != want {
			t.Errorf("safePath(%q) = %v", name, !want)
		}
	}
}

func TestParseName(t *testing.T) {
	for name, want := range map[string]string{"a/b": "ms:a/b", "hf:a/b@v1": "hf:a/b@v1", "ms:a.x/b-c_d": "ms:a.x/b-c_d"} {
		if r, err := ParseName(name, ModelScope); err != nil || r.String() != want {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
	for _, name := range []string{"", "a", "a/b/c", "../b", "a/..", "a/b@../x", "a/b?c", "hf:", "a b/c"} {
		if r, err := ParseName(name, ModelScope); !errors.Is(err, Invalid) {
			t.Errorf("%q was read as %v", name, r)
		}
	}
}

// TestRedirects follows redirects as far as they are safe, and with a token only to the
// hub itself.
func TestRedirects(t *testing.T) {
	var got http.Header
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r.Header }))
	defer other.Close()
	for _, c := range []struct {
		to   string
		kind error
	}{{other.URL + "/x?sig=secret", nil}, {"ftp://localhost/x", Unsafe}, {"file:///etc/passwd", Unsafe}, {"", Redirect}} {
		hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer secret" {
				t.Error("the hub got no token")
			}
			w.Header().Set("Location", c.to)
			w.WriteHeader(302)
		}))
		client := &Client{Endpoint: hub.URL, Token: "secret"}
		s, err := client.session(Repo{ID: "a/b"})
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.get(t.Context(), hub.URL+"/file", 0)
		if c.kind == nil && err == nil {
			a.close()
			if got.Get("Authorization") != "" || got.Get("Cookie") != "" {
				t.Errorf("another port got credentials: %v", got)
			}
		} else if !errors.Is(err, c.kind) || strings.Contains(err.Error(), "secret") {
			t.Errorf("redirect to %q: %v", c.to, err)
		}
		hub.Close()
	}
	s, _ := (&Client{Endpoint: "https://hub.example"}).session(Repo{ID: "a/b"})
	from, _ := url.Parse("https://hub.example/x")
	if _, err := s.next(from, "http://hub.example/y"); !errors.Is(err, Unsafe) {
		t.Errorf("https to http: %v", err)
	}
}

// big is the model of the tree that faults are tried on.
func big(t *testing.T, rules ...fakehub.Rule) (*fakehub.Server, *Client, Request) {
	t.Helper()
	index := fakehub.ReadIndex(t)
	s := fakehub.Start(t, index, rules, nil, "localhost")
	for _, r := range index.Repos {
		for _, f := range r.Revisions[0].Files {
			if r.Type == "model" && !r.Private && !r.Gated && f.LFS && f.Size > 2000 {
				q := Request{Repo: Repo{ID: r.Repo}, Files: []string{f.Path}, Dir: filepath.Join(t.TempDir(), "out")}
				return s, &Client{Endpoint: s.URL, firstWait: time.Millisecond}, q
			}
		}
	}
	t.Skip("the tree has no large public model")
	return nil, nil, Request{}
}

// TestResumeLater breaks a fetch off for good, and goes on with it in another call.
func TestResumeLater(t *testing.T) {
	forever, after := -1, 1500
	_, broken, q := big(t, fakehub.Rule{Match: "^storage:", Do: "drop", After: &after, Times: &forever})
	ctx, cancel := context.WithCancel(t.Context())
	broken.Progress = func(p Progress) {
		if p.FileDone > 0 {
			cancel()
		}
	}
	if _, err := broken.Fetch(ctx, q); err == nil {
		t.Fatal("success")
	}
	part, err := os.ReadFile(filepath.Join(q.Dir, q.Files[0]+".incomplete"))
	if err != nil || len(part) == 0 {
		t.Fatalf("%d bytes kept, %v", len(part), err)
	}
	s, whole, again := big(t)
	again.Dir = q.Dir
	if _, err := whole.Fetch(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(q.Dir, q.Files[0]+".incomplete")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the part is still there: %v", err)
	}
	if b, _ := os.ReadFile(filepath.Join(q.Dir, q.Files[0])); !bytes.HasPrefix(b, part) || len(s.Seen()) == 0 {
		t.Error("the file does not begin with what was kept")
	}
}

// TestWrongPart puts foreign bytes where a part is expected: they are noticed.
func TestWrongPart(t *testing.T) {
	_, c, q := big(t)
	os.MkdirAll(q.Dir, 0o777)
	name := filepath.Join(q.Dir, q.Files[0]+".incomplete")
	for _, junk := range [][]byte{bytes.Repeat([]byte("x"), 100), bytes.Repeat([]byte("x"), 1<<20)} {
		os.Remove(filepath.Join(q.Dir, q.Files[0]))
		os.WriteFile(name, junk, 0o666)
		if _, err := c.Fetch(t.Context(), q); err != nil {
			t.Errorf("%d foreign bytes: %v", len(junk), err)
		}
	}
	final := filepath.Join(q.Dir, q.Files[0])
	good, _ := os.ReadFile(final)
	bad := bytes.Clone(good)
	bad[7] ^= 1
	os.WriteFile(final, bad, 0o666)
	if _, err := c.Fetch(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(final); !bytes.Equal(b, good) {
		t.Error("a damaged file stays")
	}
}

// TestTwoAtOnce fetches the same file from two clients: it travels once.
func TestTwoAtOnce(t *testing.T) {
	s, c, q := big(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			other := *c
			if _, err := other.Fetch(t.Context(), q); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	bodies := 0
	for _, r := range s.Seen() {
		if r.Body {
			bodies++
		}
	}
	if bodies != 1 {
		t.Errorf("the file travelled %d times", bodies)
	}
}

func TestProgress(t *testing.T) {
	_, c, q := big(t)
	var last Progress
	var calls atomic.Int32
	c.Progress = func(p Progress) {
		calls.Add(1)
		if p.Done < last.Done || p.All < p.Done {
			t.Errorf("%+v after %+v", p, last)
		}
		last = p
	}
	if _, err := c.Fetch(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if calls.Load() == 0 || last.Done != last.All || last.FileDone != last.FileAll {
		t.Errorf("%d calls, the last %+v", calls.Load(), last)
	}
}

// TestProxy sends everything through a proxy that the environment names.
func TestProxy(t *testing.T) {
	var seen atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.IsAbs() {
			seen.Add(1)
		}
		w.WriteHeader(404)
	}))
	defer proxy.Close()
	u, _ := url.Parse(proxy.URL)
	c := &Client{Endpoint: "http://hub.invalid", Transport: &http.Transport{Proxy: http.ProxyURL(u)}}
	if _, err := c.List(t.Context(), Repo{ID: "a/b"}); !errors.Is(err, NoRepo) || seen.Load() == 0 {
		t.Errorf("%v, %d requests at the proxy", err, seen.Load())
	}
}

func TestCancel(t *testing.T) {
	_, c, q := big(t, fakehub.Rule{Match: "repo/files", Do: "status", Code: 503, Headers: map[string]string{"Retry-After": "50"}})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := c.Fetch(ctx, q); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("*a[!b-c]?*", "xay")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) < 100 && len(name) < 1000 {
			match(pattern, name)
		}
	})
}

// FuzzListing answers with anything where a listing is expected: no path may leave, and
// errors are typed.
func FuzzListing(f *testing.F) {
	f.Add(true, []byte(`[{"type":"file","path":"a","size":1,"oid":"`+strings.Repeat("0", 40)+`","lfs":{"oid":"x","size":2}}]`))
	f.Add(false, []byte(`{"Code":200,"Success":true,"Data":{"Files":[{"Path":"../a","Type":"blob","Size":1}]}}`))
	var body atomic.Pointer[[]byte]
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/revision/") {
			w.Write([]byte(`{"sha":"` + strings.Repeat("a", 40) + `"}`))
			return
		}
		w.Write(*body.Load())
	}))
	f.Cleanup(hub.Close)
	f.Fuzz(func(t *testing.T, hf bool, b []byte) {
		body.Store(&b)
		r := Repo{ID: "a/b"}
		if hf {
			r.Hub = HuggingFace
		}
		l, err := (&Client{Endpoint: hub.URL, firstWait: 1}).List(t.Context(), r)
		if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Kind == "") {
			t.Fatalf("%T %v", err, err)
		}
		if err == nil {
			for _, f := range l.Files {
				if !safePath(f.Path) {
					t.Fatalf("path %q", f.Path)
				}
			}
		}
	})
}

// TestLongListing lists a model that one answer of ModelScope does not hold: it stops
// at 3000 entries without a word, and the folders are walked.
func TestLongListing(t *testing.T) {
	const folders, each = 4, 1000
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var files []map[string]any
		root := r.URL.Query().Get("Root")
		for d := range folders {
			folder := fmt.Sprintf("d%d", d)
			files = append(files, map[string]any{"Path": folder, "Type": "tree"})
			for i := range each {
				if r.URL.Query().Get("Recursive") == "True" || root == folder {
					files = append(files, map[string]any{"Path": fmt.Sprintf("%s/%d", folder, i), "Type": "blob", "Size": 1})
				}
			}
		}
		if root != "" {
			files = slices.DeleteFunc(files, func(f map[string]any) bool { return f["Type"] == "tree" })
		}
		json.NewEncoder(w).Encode(map[string]any{"Code": 200, "Success": true, "Data": map[string]any{"Files": files[:min(len(files), msCap)]}})
	}))
	defer hub.Close()
	l, err := (&Client{Endpoint: hub.URL}).List(t.Context(), Repo{ID: "a/b"})
	if err != nil || len(l.Files) != folders*each {
		t.Errorf("%v, want %d files", err, folders*each)
	}
}
