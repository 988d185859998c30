package hub

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const (
	maxFiles = 1 << 20
	maxPages = 10000
)

// list asks the hub for everything in the repository.
func (s *session) list(ctx context.Context) (l *Listing, err error) {
	switch {
	case s.repo.Hub == HuggingFace:
		l, err = s.listHF(ctx)
	case s.repo.Kind == Dataset:
		l, err = s.listPages(ctx)
	default:
		l, err = s.listTree(ctx)
	}
	if err != nil {
		return nil, err
	}
	for _, f := range l.Files {
		if !safePath(f.Path) {
			return nil, fail(Unsafe, s.repo.String(), "the listing holds the path %q", f.Path)
		}
	}
	return l, nil
}

// fileURL returns where a file is to be asked for.
func (s *session) fileURL(name, commit string) string {
	if s.repo.Hub == ModelScope {
		q := url.Values{"Revision": {s.repo.rev()}, "FilePath": {name}}
		if s.repo.Kind == Dataset {
			q.Set("Source", "SDK")
		}
		return s.api("/api/v1/%ss/%s/repo", s.repo.Kind, s.repo.ID) + "?" + q.Encode()
	}
	prefix := ""
	if s.repo.Kind == Dataset {
		prefix = "datasets/"
	}
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return s.api("/%s%s/resolve/%s/%s", prefix, s.repo.ID, url.PathEscape(commit), strings.Join(parts, "/"))
}

func (s *session) api(format string, args ...any) string {
	return strings.TrimRight(s.base.String(), "/") + fmt.Sprintf(format, args...)
}

// listHF resolves the revision to a commit and reads the commit's tree, page by page.
func (s *session) listHF(ctx context.Context) (*Listing, error) {
	var head struct {
		SHA string `json:"sha"`
	}
	if _, err := s.page(ctx, s.api("/api/%ss/%s/revision/%s", s.repo.Kind, s.repo.ID, url.PathEscape(s.repo.rev())), &head); err != nil {
		return nil, err
	}
	if !isHex(head.SHA, 40) {
		return nil, fail(NotAHub, s.repo.String(), "no commit in the answer")
	}
	l := &Listing{Commit: head.SHA}
	next := s.api("/api/%ss/%s/tree/%s?recursive=true&expand=false", s.repo.Kind, s.repo.ID, head.SHA)
	for pages := 0; next != ""; pages++ {
		if pages > maxPages {
			return nil, fail(Unsafe, s.repo.String(), "more than %d pages", maxPages)
		}
		var page []hfEntry
		link, err := s.page(ctx, next, &page)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if e.Type == "file" {
				l.Files = append(l.Files, e.file())
			}
		}
		if next, err = s.sameHub(link); err != nil || len(l.Files) > maxFiles {
			return nil, cmpErr(err, fail(Unsafe, s.repo.String(), "more than %d files", maxFiles))
		}
	}
	return l, nil
}

// sameHub returns a link of an answer if it leads to the hub itself.
func (s *session) sameHub(link string) (string, error) {
	if link == "" {
		return "", nil
	}
	u, err := s.base.Parse(link)
	if err != nil || !s.isHub(u) {
		return "", fail(Unsafe, s.repo.String(), "the next page is at %s", shown(link))
	}
	return u.String(), nil
}

func cmpErr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

type hfEntry struct {
	Type string `json:"type"`
	Path string `json:"path"`
	Size int64  `json:"size"`
	OID  string `json:"oid"`
	LFS  *struct {
		OID    string `json:"oid"`
		SHA256 string `json:"sha256"`
		Size   int64  `json:"size"`
	} `json:"lfs"`
}

// file reads an entry: a big file's hash is of its content, a small one's is git's.
func (e hfEntry) file() File {
	f := File{Path: e.Path, Size: e.Size}
	if e.LFS == nil {
		if isHex(e.OID, 40) {
			f.SHA1 = e.OID
		}
		return f
	}
	f.Size = e.LFS.Size
	for _, h := range []string{e.LFS.SHA256, e.LFS.OID} {
		if isHex(h, 64) {
			f.SHA256 = h
		}
	}
	return f
}

// msEnvelope is around every answer of ModelScope.
type msEnvelope[T any] struct {
	Code    int
	Success *bool
	Message string
	Data    T
}

// check sees that an answer of status 200 is no error in itself.
func (e msEnvelope[T]) check(r Repo) error {
	switch {
	case e.Success != nil && !*e.Success && e.Code == http.StatusNotFound:
		return fail(NoRepo, r.String(), "%s", e.Message)
	case e.Success != nil && !*e.Success || e.Code != http.StatusOK:
		return fail(NotAHub, r.String(), "code %d: %s", e.Code, e.Message)
	}
	return nil
}

type msEntry struct {
	Path, Type, Sha256 string
	Size               int64
}

type msFiles struct{ Files []msEntry }

// msCap is where ModelScope's listing of a model stops without a word.
const msCap = 3000

// listTree lists a model of ModelScope in one answer, or folder by folder where one
// does not hold it all.
func (s *session) listTree(ctx context.Context) (*Listing, error) {
	entries, err := s.msFolder(ctx, "", true)
	if err != nil {
		return nil, err
	}
	l := &Listing{}
	if len(entries) < msCap {
		l.add(entries, false)
		return l, nil
	}
	folders := []string{""}
	for asked := 0; len(folders) > 0; asked++ {
		if asked > 5000 || len(l.Files) > maxFiles {
			return nil, fail(Unsafe, s.repo.String(), "more than 5000 folders")
		}
		entries, err := s.msFolder(ctx, folders[0], false)
		if err != nil {
			return nil, err
		}
		folders = folders[1:]
		l.add(entries, false)
		for _, e := range entries {
			if e.Type == "tree" {
				folders = append(folders, e.Path)
			}
		}
	}
	return l, nil
}

func (s *session) msFolder(ctx context.Context, root string, recursive bool) ([]msEntry, error) {
	q := url.Values{"Revision": {s.repo.rev()}, "Recursive": {"False"}}
	if recursive {
		q.Set("Recursive", "True")
	}
	if root != "" {
		q.Set("Root", root)
	}
	var page msEnvelope[msFiles]
	if _, err := s.page(ctx, s.api("/api/v1/models/%s/repo/files", s.repo.ID)+"?"+q.Encode(), &page); err != nil {
		return nil, err
	}
	return page.Data.Files, page.check(s.repo)
}

// listPages lists a dataset of ModelScope; folders fill the pages too.
func (s *session) listPages(ctx context.Context) (*Listing, error) {
	const size = 200
	l := &Listing{}
	for n := 1; n <= maxPages; n++ {
		var page msEnvelope[msFiles]
		address := s.api("/api/v1/datasets/%s/repo/tree", s.repo.ID) + "?" + url.Values{"Revision": {s.repo.rev()}, "Recursive": {"True"},
			"PageNumber": {fmt.Sprint(n)}, "PageSize": {fmt.Sprint(size)}}.Encode()
		if _, err := s.page(ctx, address, &page); err != nil {
			return nil, err
		}
		if err := page.check(s.repo); err != nil {
			return nil, err
		}
		l.add(page.Data.Files, true)
		if len(page.Data.Files) < size {
			return l, nil
		}
	}
	return nil, fail(Unsafe, s.repo.String(), "more than %d pages", maxPages)
}

// add adds the files among entries. In the listing of a dataset, 0 bytes means that
// the size is not known.
func (l *Listing) add(entries []msEntry, zeroUnknown bool) {
	for _, e := range entries {
		if e.Type == "tree" {
			continue
		}
		f := File{Path: e.Path, Size: e.Size}
		if e.Size < 0 || e.Size == 0 && zeroUnknown {
			f.Size = -1
		}
		if h := strings.ToLower(e.Sha256); isHex(h, 64) {
			f.SHA256 = h
		}
		l.Files = append(l.Files, f)
	}
}

// DatasetType returns ModelScope's number for how a dataset is stored: 4 for one of
// plain files, 1 and 2 for older formations whose files may lie elsewhere.
func (c *Client) DatasetType(ctx context.Context, r Repo) (int, error) {
	if err := r.check(); err != nil {
		return 0, err
	}
	s, err := c.session(r)
	if err != nil {
		return 0, err
	}
	defer s.close()
	var head msEnvelope[struct{ Type int }]
	if _, err := s.page(ctx, s.api("/api/v1/datasets/%s", r.ID), &head); err != nil {
		return 0, err
	}
	return head.Data.Type, head.check(r)
}
