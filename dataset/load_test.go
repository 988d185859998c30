package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/hub/fakehub"
)

var loadKinds = map[fault.Kind]string{
	NoRepo: "not_found.repo", NoRevision: "not_found.revision", NoFile: "not_found.file", NeedsToken: "needs_token", Gated: "gated", Denied: "denied",
	Offline: "offline", Damaged: "damaged", NotAHub: "not_a_hub", Unavailable: "unavailable", Redirect: "redirect", Unsafe: "unsafe",
}

// TestGoldenLoad runs every case of the hub's table that loads a dataset.
func TestGoldenLoad(t *testing.T) {
	fakehub.Run(t, "load", func(t *testing.T, to fakehub.Target, c fakehub.Call) fakehub.Outcome {
		opts := []Option{WithSplit(c.Subset, c.Split), WithCache(to.Cache), WithToken(c.Token), WithRevision(c.Revision), WithEndpoint(to.Endpoint)}
		if c.Offline {
			opts = append(opts, WithOffline())
		}
		d, err := Load(t.Context(), c.API+":"+c.Repo, opts...)
		if err != nil {
			return fakehub.Outcome{Err: err, Kind: loadKind(err)}
		}
		return fakehub.Outcome{Dir: d.Dir(), Check: func() { sameRows(t, d, c.Expect.Rows); d.Close() }}
	})
}

func loadKind(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Kind == Missing {
		return "not_found." + e.What
	}
	return loadKinds[fault.KindOf(err)]
}

func sameRows(t *testing.T, d *Dataset, want []json.RawMessage) {
	t.Helper()
	i := 0
	for s, err := range d.All(t.Context()) {
		if err != nil || i >= len(want) {
			t.Fatalf("row %d of %d: %v", i, len(want), err)
		}
		w, err := parseJSON(want[i])
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range w.(Struct) {
			have, _ := s.Get(f.Name)
			m, ok := have.(Image)
			if !ok {
				if have != f.Value {
					t.Errorf("row %d: %s = %v, want %v", i, f.Name, have, f.Value)
				}
				continue
			}
			p := golden.Decode[goldenPicture](t, f.Name, appendJSON(nil, f.Value, jsonStyle{}))
			grader{t: t}.pixels(fmt.Sprintf("row %d: %s", i, f.Name), m, p)
		}
		i++
	}
	if i != len(want) {
		t.Errorf("%d rows, want %d", i, len(want))
	}
}

func TestOpenNeverFetches(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("HF_HOME", "")
	t.Setenv("MODELSCOPE_CACHE", "")
	_, err := Open("hf:someone/something")
	if !errors.Is(err, Missing) {
		t.Errorf("%v, want a missing dataset", err)
	}
}

// TestGoldenLoadTwice loads each public dataset of the hub's tree, and again without
// the network, by Load and by Open.
func TestGoldenLoadTwice(t *testing.T) {
	index := fakehub.ReadIndex(t)
	for _, r := range index.Repos {
		if r.Type != "dataset" || r.Private {
			continue
		}
		for _, api := range []string{"ms:", "hf:"} {
			server := fakehub.Start(t, index, nil, nil, "localhost")
			opts := []Option{WithCache(t.TempDir()), WithEndpoint(server.URL)}
			first, err := Load(t.Context(), api+r.Repo, opts...)
			if err != nil {
				t.Errorf("%s%s: %v", api, r.Repo, err)
				continue
			}
			asked := len(server.Seen())
			for _, open := range []func() (*Dataset, error){
				func() (*Dataset, error) { return Load(t.Context(), api+r.Repo, append(opts, WithOffline())...) },
				func() (*Dataset, error) { return Open(api+r.Repo, opts...) },
			} {
				again, err := open()
				if err != nil || again.Len() != first.Len() {
					t.Errorf("%s%s: %v without the network, want %d rows", api, r.Repo, err, first.Len())
				}
			}
			if n := len(server.Seen()); n != asked {
				t.Errorf("%s%s: %d requests without the network", api, r.Repo, n-asked)
			}
		}
	}
}
