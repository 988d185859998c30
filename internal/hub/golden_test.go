package hub

import (
	"errors"
	"testing"
	"time"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/hub/fakehub"
)

// kindNames are the golden table's names of the classes of error.
var kindNames = map[fault.Kind]string{
	NoRepo: "not_found.repo", NoRevision: "not_found.revision", NoFile: "not_found.file", NeedsToken: "needs_token", Gated: "gated", Denied: "denied",
	Offline: "offline", Damaged: "damaged", NotAHub: "not_a_hub", Unavailable: "unavailable", Redirect: "redirect", Unsafe: "unsafe",
}

// TestGoldenFetch runs every case of the table that fetches: what lies on disk, which
// error, how many requests, and where credentials went.
func TestGoldenFetch(t *testing.T) {
	fakehub.Run(t, "fetch", func(t *testing.T, to fakehub.Target, c fakehub.Call) fakehub.Outcome {
		client := &Client{Endpoint: to.Endpoint, Token: c.Token, Cache: to.Cache, Offline: c.Offline, firstWait: time.Millisecond}
		if to.Endpoint == "" {
			client.Endpoint = "http://127.0.0.1:1" // nobody answers there
		}
		dir, err := client.Fetch(t.Context(), request(t, to, c))
		if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Op != "hub") {
			t.Errorf("%T %v is no typed error", err, err)
		}
		return fakehub.Outcome{Dir: dir, Err: err, Kind: kindNames[fault.KindOf(err)]}
	})
}

func request(t *testing.T, to fakehub.Target, c fakehub.Call) Request {
	q := Request{Repo: Repo{ID: c.Repo, Revision: c.Revision}, Files: c.Files, Allow: c.Allow, Ignore: c.Ignore, Dir: to.Dir}
	switch c.API {
	case "ms":
	case "hf":
		q.Hub = HuggingFace
	default:
		t.Fatalf("api %q", c.API)
	}
	switch c.Type {
	case "model":
	case "dataset":
		q.Kind = Dataset
	default:
		t.Fatalf("type %q", c.Type)
	}
	if c.Preset != "" {
		p, ok := FindPreset(c.Preset)
		if !ok {
			t.Fatalf("no preset %q", c.Preset)
		}
		q.Allow, q.Need = p.Allow, p.Need
	}
	return q
}
