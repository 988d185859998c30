package fakehub

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// hub answers for the hubs themselves.
func (c *call) hub() {
	for _, route := range []struct {
		re  *regexp.Regexp
		run func([]string)
	}{{msRoute, c.ms}, {hfAPI, c.hfAPI}, {hfCached, c.hfCached}, {hfResolve, c.hfResolve}} {
		if m := route.re.FindStringSubmatch(c.path); m != nil {
			route.run(m[1:])
			return
		}
	}
	c.json(404, map[string]any{"error": "no such route"}, nil)
}

var (
	msRoute   = regexp.MustCompile(`^/api/v1/(models|datasets)/(\d+|[^/]+/[^/]+)(?:/(.*))?$`)
	hfAPI     = regexp.MustCompile(`^/api/(models|datasets)/([^/]+/[^/]+?)(?:/(revision|tree)(?:/(.*))?)?$`)
	hfCached  = regexp.MustCompile(`^/api/resolve-cache/(models|datasets)/([^/]+/[^/]+)/([0-9a-f]{40})/(.+)$`)
	hfResolve = regexp.MustCompile(`^/(?:(datasets|models)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)$`)
)

// find returns the repository, or nil, and its revision, or nil.
func (c *call) find(kind, id, revision, def string) (*Repo, *Revision) {
	for i := range c.index.Repos {
		r := &c.index.Repos[i]
		if r.Type+"s" != kind || r.Repo != id && strconv.Itoa(r.MSID) != id {
			continue
		}
		for j := range r.Revisions {
			v := &r.Revisions[j]
			name := v.Name
			if name == "" {
				name = def
			}
			if revision == name || revision == "" && v.Name == "" || revision == v.Commit {
				return r, v
			}
		}
		return r, nil
	}
	return nil, nil
}

// entry is a file or a folder of a listing.
type entry struct {
	path string
	file *Entry
}

// entries lists what is below sub, folders too, by path.
func (v *Revision) entries(sub string, recursive bool) []entry {
	sub = strings.Trim(sub, "/")
	found := map[string]*Entry{}
	for i := range v.Files {
		f := &v.Files[i]
		rel := f.Path
		if sub != "" {
			var ok bool
			if rel, ok = strings.CutPrefix(f.Path, sub+"/"); !ok {
				continue
			}
		}
		parts := strings.Split(rel, "/")
		for n := 1; n < len(parts) && (recursive || n == 1); n++ {
			found[path.Join(sub, strings.Join(parts[:n], "/"))] = nil
		}
		if recursive || len(parts) == 1 {
			found[f.Path] = f
		}
	}
	var out []entry
	for p, f := range found {
		out = append(out, entry{p, f})
	}
	slices.SortFunc(out, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	return out
}

func (c *call) data(v *Revision, e Entry) []byte {
	b, err := c.index.read(*v, e)
	if err != nil {
		panic(err)
	}
	return b
}

// deliver sends a file, or where the storage has it.
func (c *call) deliver(v *Revision, e Entry, headers map[string]string) {
	data := c.data(v, e)
	tag := e.SHA1
	if e.LFS {
		tag = e.SHA256
	}
	if !e.LFS || !c.config.LFSRedirect {
		headers["ETag"] = `"` + tag + `"`
		c.content(data, headers)
		return
	}
	headers["Location"] = c.sign(e, data)
	headers["X-Linked-Size"] = strconv.FormatInt(e.Size, 10)
	headers["X-Linked-ETag"] = `"` + tag + `"`
	if c.do() == "etag" {
		headers["X-Linked-ETag"] = `"changed"`
	}
	c.reply(302, nil, headers)
}

func (v *Revision) file(name string) (Entry, bool) {
	i := slices.IndexFunc(v.Files, func(e Entry) bool { return e.Path == name })
	if i < 0 {
		return Entry{}, false
	}
	return v.Files[i], true
}

func (c *call) hfError(status int, code string, headers map[string]string) {
	h := map[string]string{"X-Error-Code": code, "X-Error-Message": code}
	for k, v := range headers {
		h[k] = v
	}
	c.json(status, map[string]any{"error": code}, h)
}

// hfGate answers for what the caller may not read, and reports whether it did.
func (c *call) hfGate(r *Repo, v *Revision) bool {
	auth := c.r.Header.Get("Authorization")
	switch {
	case auth != "" && auth != "Bearer "+c.index.Tokens["hf"] && auth != "Bearer "+c.index.Tokens["hf_gated"]:
		c.hfError(401, "InvalidToken", nil)
	case (r == nil || r.Private) && auth == "":
		c.hfError(401, "RepoNotFound", nil)
	case r == nil:
		c.hfError(404, "RepoNotFound", nil)
	case v == nil:
		c.hfError(404, "RevisionNotFound", nil)
	default:
		return false
	}
	return true
}

func (c *call) hfGated(r *Repo) bool {
	auth := c.r.Header.Get("Authorization")
	if !r.Gated || auth == "Bearer "+c.index.Tokens["hf_gated"] {
		return false
	}
	status := 403
	if auth == "" {
		status = 401
	}
	c.hfError(status, "GatedRepo", nil)
	return true
}

func (c *call) hfAPI(m []string) {
	rev, sub, _ := strings.Cut(m[3], "/")
	rev, _ = url.PathUnescape(rev)
	r, v := c.find(m[0], m[1], rev, "main")
	if c.hfGate(r, v) {
		return
	}
	if m[2] != "tree" {
		c.json(200, map[string]any{"id": r.Repo, "sha": v.Commit, "private": r.Private}, nil)
		return
	}
	if c.hfGated(r) {
		return
	}
	all := v.entries(sub, strings.EqualFold(c.query.Get("recursive"), "true"))
	if sub != "" && len(all) == 0 {
		c.hfError(404, "EntryNotFound", nil)
		return
	}
	at, _ := strconv.Atoi(c.query.Get("cursor"))
	end := min(len(all), at+c.config.Page)
	headers := map[string]string{}
	if end < len(all) {
		q := c.query
		q.Set("cursor", strconv.Itoa(end))
		headers["Link"] = fmt.Sprintf(`<http://%s%s?%s>; rel="next"`, c.r.Host, c.r.URL.EscapedPath(), q.Encode())
	}
	page := []any{}
	for _, e := range all[min(at, end):end] {
		page = append(page, hfEntry(e))
	}
	c.json(200, page, headers)
}

func hfEntry(e entry) map[string]any {
	if e.file == nil {
		return map[string]any{"type": "directory", "oid": strings.Repeat("0", 40), "size": 0, "path": e.path}
	}
	m := map[string]any{"type": "file", "oid": e.file.SHA1, "size": e.file.Size, "path": e.path}
	if e.file.LFS {
		m["lfs"] = map[string]any{"sha256": e.file.SHA256, "oid": e.file.SHA256, "size": e.file.Size, "pointerSize": 134}
	}
	return m
}

func (c *call) hfResolve(m []string) {
	kind := m[0]
	if kind == "" {
		kind = "models"
	}
	rev, _ := url.PathUnescape(m[2])
	r, v := c.find(kind, m[1], rev, "main")
	if c.hfGate(r, v) || c.hfGated(r) {
		return
	}
	headers := map[string]string{"X-Repo-Commit": v.Commit}
	e, ok := v.file(m[3])
	switch {
	case !ok:
		c.hfError(404, "EntryNotFound", headers)
	case c.config.ResolveCache && !e.LFS:
		headers["Location"] = fmt.Sprintf("/api/resolve-cache/%s/%s/%s/%s", kind, m[1], v.Commit, (&url.URL{Path: m[3]}).EscapedPath())
		headers["ETag"] = `"` + e.SHA1 + `"`
		headers["X-Linked-Size"] = strconv.FormatInt(e.Size, 10)
		c.reply(307, nil, headers)
	default:
		c.deliver(v, e, headers)
	}
}

func (c *call) hfCached(m []string) {
	r, v := c.find(m[0], m[1], m[2], "main")
	if c.hfGate(r, v) || c.hfGated(r) {
		return
	}
	e, ok := v.file(m[3])
	if !ok {
		c.hfError(404, "EntryNotFound", nil)
		return
	}
	c.content(c.data(v, e), map[string]string{"ETag": `"` + e.SHA1 + `"`, "X-Repo-Commit": v.Commit})
}

func (c *call) msError(status int, message string) {
	c.json(status, map[string]any{"Code": int64(10010205001), "Message": message, "RequestId": "fake", "Success": false, "Data": nil}, nil)
}

func (c *call) msOK(data any) {
	c.json(200, map[string]any{"Code": 200, "Data": data, "Message": "success", "RequestId": "fake", "Success": true}, nil)
}

func (c *call) msAuth() bool {
	token := c.index.Tokens["ms"]
	cookie, err := c.r.Cookie("m_session_id")
	return c.r.Header.Get("Authorization") == "Bearer "+token || err == nil && cookie.Value == token
}

func (c *call) ms(m []string) {
	kind, id, rest := m[0], m[1], m[2]
	r, v := c.find(kind, id, c.query.Get("Revision"), "master")
	switch {
	case r == nil:
		c.msError(404, id+": record not found")
	case r.Private && !c.msAuth():
		status := 404
		if c.r.Header.Get("Cookie") != "" || c.r.Header.Get("Authorization") != "" {
			status = 403
		}
		c.msError(status, "no permission")
	case rest == "":
		c.msHead(r)
	case v == nil:
		c.msError(404, "revision "+c.query.Get("Revision")+" not found")
	case rest == "repo/files" || rest == "repo/tree":
		c.msList(v, rest)
	case rest == "repo":
		e, ok := v.file(c.query.Get("FilePath"))
		if !ok {
			c.msError(404, "file "+c.query.Get("FilePath")+" not found")
			return
		}
		c.deliver(v, e, map[string]string{})
	default:
		c.msError(http.StatusNotFound, "no such route")
	}
}

func (c *call) msHead(r *Repo) {
	owner, name, _ := strings.Cut(r.Repo, "/")
	kind := r.MSType
	if kind == 0 {
		kind = 4
	}
	c.msOK(map[string]any{"Id": r.MSID, "Name": name, "Path": owner, "Namespace": owner, "Type": kind, "Revision": "master"})
}

func (c *call) msList(v *Revision, rest string) {
	root := c.query.Get("Root")
	if root == "None" || root == "/" {
		root = ""
	}
	all := v.entries(root, strings.EqualFold(c.query.Get("Recursive"), "true"))
	if root != "" && len(all) == 0 {
		c.msError(404, "Root "+root+" not found")
		return
	}
	if rest == "repo/files" {
		all = all[:min(len(all), c.config.MSFilesCap)]
	} else {
		n, err := strconv.Atoi(c.query.Get("PageSize"))
		if err != nil || n < 1 {
			n = len(all) + 1
		}
		page, err := strconv.Atoi(c.query.Get("PageNumber"))
		if err != nil {
			page = 1
		}
		all = all[min(len(all), (page-1)*n):min(len(all), page*n)]
	}
	files := []any{}
	for _, e := range all {
		files = append(files, c.msEntry(v, e, rest))
	}
	c.msOK(map[string]any{"Files": files})
}

func (c *call) msEntry(v *Revision, e entry, rest string) map[string]any {
	m := map[string]any{"Name": path.Base(e.path), "Path": e.path, "Revision": v.Commit, "Type": "tree", "Size": 0, "Sha256": "", "IsLFS": false}
	if e.file == nil {
		return m
	}
	m["Type"], m["Size"], m["IsLFS"] = "blob", e.file.Size, e.file.LFS
	if c.config.MSHash {
		m["Sha256"] = e.file.SHA256
	}
	if c.config.MSZeroSize && rest == "repo/tree" {
		m["Size"] = 0
	}
	return m
}
