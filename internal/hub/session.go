package hub

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/easel-go/easel/internal/fault"
)

const (
	maxHops     = 10
	maxAnswer   = 64 << 20         // bytes of a page of a listing
	maxWait     = 60 * time.Second // before a retry; a hub that asks for more is unavailable
	idleTimeout = 60 * time.Second // without a byte
	maxTries    = 6
)

// session is a client at work on one repository.
type session struct {
	client *Client
	repo   Repo
	base   *url.URL
	token  string
	http   *http.Client
}

func (c *Client) session(r Repo) (*session, error) {
	base, err := c.endpoint(r.Hub)
	if err != nil {
		return nil, err
	}
	travel := c.Transport
	if travel == nil {
		travel = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout:   15 * time.Second,
			ResponseHeaderTimeout: idleTimeout,
			MaxIdleConnsPerHost:   c.workers() + 1,
			IdleConnTimeout:       30 * time.Second,
			DisableCompression:    true, // sizes and ranges are of the bytes themselves
			ForceAttemptHTTP2:     true,
		}
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &session{c, r, base, c.token(r.Hub), &http.Client{Transport: travel, CheckRedirect: stay}}, nil
}

func (s *session) close() { s.http.CloseIdleConnections() }

// answer is a response, and what the hub said about the file on the way to it.
type answer struct {
	*http.Response
	atHub  bool // the hub itself answers, not a storage that it sent us to
	etag   string
	size   int64 // by X-Linked-Size, -1 if not said
	cancel context.CancelFunc
}

func (a *answer) close() {
	a.Body.Close()
	a.cancel()
}

// get asks for an address of the hub and follows redirects. The token goes along only
// while scheme, host and port are the hub's. With from above 0, the bytes from there on.
func (s *session) get(ctx context.Context, address string, from int64) (*answer, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fail(Invalid, shown(address), "not an address")
	}
	a := &answer{size: -1}
	ctx, a.cancel = context.WithCancel(ctx)
	for range maxHops {
		a.Response, err = s.ask(ctx, u, from)
		if err != nil {
			a.cancel()
			return nil, &retryable{err: wrap(Unavailable, shown(u.String()), plainCause(err))}
		}
		a.atHub = s.isHub(u)
		s.note(a)
		if a.StatusCode < 300 || a.StatusCode == http.StatusNotModified || a.StatusCode >= 400 {
			return a, nil
		}
		io.CopyN(io.Discard, a.Body, 4096)
		a.Body.Close()
		if u, err = s.next(u, a.Header.Get("Location")); err != nil {
			a.cancel()
			return nil, err
		}
	}
	a.cancel()
	return nil, fail(Redirect, shown(address), "more than %d redirects", maxHops)
}

func (s *session) ask(ctx context.Context, u *url.URL, from int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "easel/1 (Go)")
	req.Header.Set("Accept-Encoding", "identity")
	if from > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(from, 10)+"-")
	}
	if s.token != "" && s.isHub(u) {
		req.Header.Set("Authorization", "Bearer "+s.token)
		if s.repo.Hub == ModelScope {
			req.AddCookie(&http.Cookie{Name: "m_session_id", Value: s.token})
		}
	}
	return s.http.Do(req)
}

// isHub reports whether the address is at the hub: same scheme, host and port.
func (s *session) isHub(u *url.URL) bool {
	return u.Scheme == s.base.Scheme && strings.EqualFold(u.Hostname(), s.base.Hostname()) && port(u) == port(s.base)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// next returns where a redirect leads.
func (s *session) next(from *url.URL, location string) (*url.URL, error) {
	to, err := from.Parse(location)
	if err != nil || location == "" {
		return nil, fail(Redirect, shown(from.String()), "no target")
	}
	if to.Scheme != "https" && !(to.Scheme == "http" && from.Scheme == "http" && s.base.Scheme == "http") {
		return nil, fail(Unsafe, shown(from.String()), "redirect from %s to %s", from.Scheme, to.Scheme)
	}
	return to, nil
}

// note keeps what the hub's own answers say about the file.
func (s *session) note(a *answer) {
	if !a.atHub {
		return
	}
	tag := a.Header.Get("X-Linked-ETag")
	if tag == "" {
		tag = a.Header.Get("ETag")
	}
	if tag = strings.Trim(strings.TrimPrefix(tag, "W/"), `"`); isHex(tag, 64) || isHex(tag, 40) {
		a.etag = tag
	}
	if n, err := strconv.ParseInt(a.Header.Get("X-Linked-Size"), 10, 64); err == nil && n >= 0 {
		a.size = n
	}
}

func isHex(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == ""
}

// problem says what a status that is not a success means; what names the thing that a
// bare 404 lacks.
func (s *session) problem(a *answer, what fault.Kind) error {
	where := shown(a.Request.URL.String())
	code := a.Header.Get("X-Error-Code")
	message := s.message(a)
	k := NotAHub
	switch {
	case a.StatusCode == 408 || a.StatusCode == 429 || a.StatusCode >= 500:
		err := fail(Unavailable, where, "status %d", a.StatusCode)
		return &retryable{err: err, after: retryAfter(a.Header.Get("Retry-After"))}
	case code == "GatedRepo":
		k = Gated
	case code == "RepoNotFound":
		k = NoRepo
	case code == "RevisionNotFound", a.StatusCode == 404 && strings.Contains(strings.ToLower(message), "revision"):
		k = NoRevision
	case code == "EntryNotFound":
		k = NoFile
	case a.StatusCode == 401:
		k = NeedsToken
	case a.StatusCode == 403:
		k = Denied
	case a.StatusCode == 404:
		k = what
	}
	return fail(k, s.repo.String(), "status %d from %s", a.StatusCode, where)
}

// message returns what ModelScope says beside a status.
func (s *session) message(a *answer) string {
	if s.repo.Hub != ModelScope {
		return ""
	}
	var body struct{ Message string }
	b, _ := io.ReadAll(io.LimitReader(a.Body, 64<<10))
	json.Unmarshal(b, &body)
	return body.Message
}

// retryAfter reads seconds or a date; 0 says nothing.
func retryAfter(v string) time.Duration {
	if n, err := strconv.Atoi(v); err == nil && n > 0 {
		return min(time.Duration(n), 1<<20) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(t))
	}
	return 0
}

// retryable is an error after which another try may do better.
type retryable struct {
	err   error
	after time.Duration // as the hub asks, 0 if it does not
}

func (r *retryable) Error() string { return r.err.Error() }
func (r *retryable) Unwrap() error { return r.err }

// pause waits before try n, counted from 0: twice as long each time, give or take a
// half, or as the hub asks. It returns the error where there is no use in waiting.
func (s *session) pause(ctx context.Context, n int, err error) error {
	r, ok := errors.AsType[*retryable](err)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !ok {
		return err
	}
	if n+1 >= maxTries || r.after > maxWait {
		return r.err
	}
	wait := s.client.firstWait
	if wait == 0 {
		wait = 500 * time.Millisecond
	}
	wait = min(maxWait, wait<<n)
	wait = wait/2 + rand.N(wait/2+1)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(max(wait, r.after)):
		return nil
	}
}

// page asks for JSON and reads it into v, with retries. A page that cannot be read is
// tried again a little: a cut one heals, a captive portal does not.
func (s *session) page(ctx context.Context, address string, v any) (next string, err error) {
	garbled := 0
	for n := 0; ; n++ {
		next, err = s.pageOnce(ctx, address, v)
		if errors.Is(err, errGarbled) {
			if garbled++; garbled >= 2 {
				return "", err
			}
			err = &retryable{err: err}
		}
		if err == nil {
			return next, nil
		}
		if err := s.pause(ctx, n, err); err != nil {
			return "", err
		}
	}
}

var errGarbled = errors.New("the answer is no JSON of a hub")

func (s *session) pageOnce(ctx context.Context, address string, v any) (next string, err error) {
	a, err := s.get(ctx, address, 0)
	if err != nil {
		return "", err
	}
	defer a.close()
	if a.StatusCode != http.StatusOK {
		return "", s.problem(a, NoRepo)
	}
	b, err := io.ReadAll(io.LimitReader(&watched{a.Body, a.cancel, time.AfterFunc(idleTimeout, a.cancel)}, maxAnswer+1))
	if err != nil {
		return "", &retryable{err: wrap(Unavailable, shown(address), plainCause(err))}
	}
	if len(b) > maxAnswer {
		return "", fail(Unsafe, shown(address), "an answer of more than %d bytes", maxAnswer)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return "", &Error{Kind: NotAHub, Op: "hub", Where: shown(address), Err: errors.Join(errGarbled, err)}
	}
	return nextLink(a.Header.Get("Link")), nil
}

// nextLink returns the address of the next page by a Link header.
func nextLink(header string) string {
	for part := range strings.SplitSeq(header, ",") {
		target, rel, ok := strings.Cut(part, ";")
		target = strings.TrimSpace(target)
		if ok && strings.Contains(rel, `rel="next"`) && strings.HasPrefix(target, "<") && strings.HasSuffix(target, ">") {
			return target[1 : len(target)-1]
		}
	}
	return ""
}

// watched is a body that is given up when nothing arrives for a while.
type watched struct {
	r      io.Reader
	cancel context.CancelFunc
	timer  *time.Timer
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	if err != nil {
		w.timer.Stop()
	} else {
		w.timer.Reset(idleTimeout)
	}
	return n, err
}
