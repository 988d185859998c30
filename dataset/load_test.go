package dataset_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/dataset/internal/cases"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/hub/fakehub"
)

var loadKinds = map[fault.Kind]string{
	dataset.NoRepo: "not_found.repo", dataset.NoRevision: "not_found.revision", dataset.NoFile: "not_found.file", dataset.NeedsToken: "needs_token", dataset.Gated: "gated", dataset.Denied: "denied",
	dataset.Offline: "offline", dataset.Damaged: "damaged", dataset.NotAHub: "not_a_hub", dataset.Unavailable: "unavailable", dataset.Redirect: "redirect", dataset.Unsafe: "unsafe",
}

// TestGoldenLoad runs every case of the hub's table that loads a dataset.
func TestGoldenLoad(t *testing.T) {
	fakehub.Run(t, "load", func(t *testing.T, to fakehub.Target, c fakehub.Call) fakehub.Outcome {
		opts := []dataset.Option{dataset.WithSplit(c.Subset, c.Split), dataset.WithCache(to.Cache), dataset.WithToken(c.Token), dataset.WithRevision(c.Revision), dataset.WithEndpoint(to.Endpoint)}
		if c.Offline {
			opts = append(opts, dataset.WithOffline())
		}
		d, err := dataset.Load(t.Context(), c.API+":"+c.Repo, opts...)
		if err != nil {
			return fakehub.Outcome{Err: err, Kind: loadKind(err)}
		}
		return fakehub.Outcome{Dir: d.Dir(), Check: func() { sameRows(t, d, c.Expect.Rows); d.Close() }}
	})
}

func loadKind(err error) string {
	if e, ok := errors.AsType[*dataset.Error](err); ok && e.Kind == dataset.Missing {
		return "not_found." + e.What
	}
	return loadKinds[fault.KindOf(err)]
}

func sameRows(t *testing.T, d *dataset.Dataset, want []json.RawMessage) {
	t.Helper()
	i := 0
	for s, err := range d.All(t.Context()) {
		if err != nil || i >= len(want) {
			t.Fatalf("row %d of %d: %v", i, len(want), err)
		}
		w, err := dataset.ParseJSON(want[i])
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range w.(dataset.Struct) {
			have, _ := s.Get(f.Name)
			m, ok := have.(dataset.Image)
			if !ok {
				if have != f.Value {
					t.Errorf("row %d: %s = %v, want %v", i, f.Name, have, f.Value)
				}
				continue
			}
			p := golden.Decode[cases.Want](t, f.Name, dataset.AppendJSON(nil, f.Value))
			cases.Pixels(t, fmt.Sprintf("row %d: %s", i, f.Name), m, p)
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
	_, err := dataset.Open("hf:someone/something")
	if !errors.Is(err, dataset.Missing) {
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
			opts := []dataset.Option{dataset.WithCache(t.TempDir()), dataset.WithEndpoint(server.URL)}
			first, err := dataset.Load(t.Context(), api+r.Repo, opts...)
			if err != nil {
				t.Errorf("%s%s: %v", api, r.Repo, err)
				continue
			}
			asked := len(server.Seen())
			for _, open := range []func() (*dataset.Dataset, error){
				func() (*dataset.Dataset, error) {
					return dataset.Load(t.Context(), api+r.Repo, append(opts, dataset.WithOffline())...)
				},
				func() (*dataset.Dataset, error) { return dataset.Open(api+r.Repo, opts...) },
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
