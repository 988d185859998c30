package hub

import (
	"errors"
	"net/url"
	"strings"

	"github.com/easel-go/easel/internal/fault"
)

// Error is what every call returns.
type Error = fault.Error

// The classes of [Error].
const (
	NoRepo      fault.Kind = "no such repository"    // or one that is hidden from this caller
	NoRevision  fault.Kind = "no such revision"      // branch, tag or commit
	NoFile      fault.Kind = "no such file"          // asked for, or listed and not there
	NeedsToken  fault.Kind = "needs a valid token"   // private, or the token is refused
	Gated       fault.Kind = "needs access"          // to be asked for on the hub's page
	Denied      fault.Kind = "denied"                // 403 without a better reason
	Offline     fault.Kind = "not in the cache"      // and no request may be made
	Damaged     fault.Kind = "damaged"               // bytes that are not what the hub says
	NotAHub     fault.Kind = "not a hub's answer"    // a captive portal, cut or foreign JSON
	Unavailable fault.Kind = "unavailable"           // network, 429 or 5xx, retries used up
	Redirect    fault.Kind = "a redirect to nowhere" // too many hops, or no target
	Unsafe      fault.Kind = "refused as not safe"   // a path, a scheme or a size
	Invalid                = fault.Invalid           // a request that makes no sense
)

func fail(k fault.Kind, where, format string, args ...any) error {
	e := fault.Newf(k, "hub", format, args...)
	e.Where = where
	return e
}

// wrap makes a cause from elsewhere an [Error]; an Error stays what it is.
func wrap(k fault.Kind, where string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Kind: k, Op: "hub", Where: where, Err: err}
}

// shown is a URL for messages: without its query, which may be a signature, and
// without a password.
func shown(raw string) string {
	raw, _, _ = strings.Cut(raw, "?")
	u, err := url.Parse(raw)
	if err != nil {
		return "(a URL that cannot be read)"
	}
	u.User = nil
	return u.String()
}

// plainCause takes the URL out of an error of package http.
func plainCause(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
