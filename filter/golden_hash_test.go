package filter

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/internal/golden"
)

// hashTable is the part of a deduplicator's table that its hashes are in; the rest is
// checked by package filtertest.
type hashTable struct {
	Op        string            `json:"op"`
	Kind      string            `json:"kind"`
	Batched   bool              `json:"batched"`
	Params    [][3]any          `json:"params"`
	Rows      []json.RawMessage `json:"rows"`
	StatsKeys []string          `json:"stats_keys"`
	Sets      []struct {
		Params json.RawMessage              `json:"params"`
		Hash   map[string][]json.RawMessage `json:"hash"`
		Hashed []int64                      `json:"hashed"`
		Raw    json.RawMessage              `json:"raw"`
		Stats  json.RawMessage              `json:"stats"`
		Keep   json.RawMessage              `json:"keep"`
		Out    json.RawMessage              `json:"out"`
		Error  json.RawMessage              `json:"error"`
	} `json:"sets"`
}

// TestGoldenParams checks that every op knows every parameter of Data-Juicer's, and
// works on batches where it does.
func TestGoldenParams(t *testing.T) {
	dir := golden.Part(t, "datajuicer/ops")
	for _, path := range golden.Glob(t, dir, "*.json") {
		table := golden.JSON[hashTable](t, path)
		make, ok := lookup(table.Op)
		if !ok {
			t.Logf("%s is registered by another package", table.Op)
			continue
		}
		op := make()
		if kindOf(op) != table.Kind {
			t.Errorf("%s is a %s, want a %s", table.Op, kindOf(op), table.Kind)
		}
		if _, single := op.(alone); table.Kind == "filter" && single == table.Batched {
			t.Errorf("%s: batched is %v, want %v", table.Op, !single, table.Batched)
		}
		params := paramsOf(op)
		for _, p := range table.Params {
			if params[p[0].(string)] == nil {
				t.Errorf("%s has no parameter %v", table.Op, p)
			}
		}
	}
}

func TestGoldenHashes(t *testing.T) {
	dir := golden.Part(t, "datajuicer/ops")
	for _, path := range golden.Glob(t, dir, "*_deduplicator.json") {
		table := golden.JSON[hashTable](t, path)
		for i, set := range table.Sets {
			step, err := New(table.Op, set.Params)
			if err != nil {
				t.Fatal(err)
			}
			step.Keys.Image = "image"
			hashed := map[string][]string{}
			var ids []int64
			for _, raw := range table.Rows {
				raw = bytes.ReplaceAll(raw, []byte("@IMG@"), []byte(dir+"/img"))
				v, err := dataset.ParseJSON(raw)
				if err != nil {
					t.Fatal(err)
				}
				r := NewRow(&dataset.Sample{Fields: v.(dataset.Struct)}, step.Keys)
				r.Strict = true
				if err := step.Op.(Deduplicator).Hash(t.Context(), r); err != nil {
					continue
				}
				id, _ := r.Sample.Get("id")
				ids = append(ids, id.(int64))
				for name := range set.Hash {
					hashed[name] = append(hashed[name], hashText(t, step.Op, r, name))
				}
			}
			golden.Equal(t, table.Op, ids, set.Hashed)
			for name, want := range set.Hash {
				var texts []string
				for _, w := range want {
					v, err := dataset.ParseJSON(w)
					if err != nil {
						t.Fatal(err)
					}
					texts = append(texts, string(dataset.AppendJSON(nil, v)))
				}
				golden.Equal(t, table.Op+" "+name+" of set "+string(rune('0'+i)), hashed[name], texts)
			}
		}
	}
}

// hashText spells a row's hash as the table has it: minhashes as the number of bands,
// the first 32 digits and the start of the hash of all.
func hashText(t *testing.T, op Op, r *Row, name string) string {
	m, ok := op.(*minhash)
	if !ok {
		v, _ := r.Sample.Get(name)
		return string(dataset.AppendJSON(nil, v))
	}
	text, err := r.Text()
	if err != nil {
		t.Fatal(err)
	}
	runs, err := m.shingles(text)
	if err != nil {
		t.Fatal(err)
	}
	var hexes []string
	signature := m.signature(runs)
	for i := range m.bands {
		hexes = append(hexes, hex.EncodeToString(m.appendBand(nil, signature, i)))
	}
	sum := sha256.Sum256([]byte(strings.Join(hexes, "")))
	return string(dataset.AppendJSON(nil, []any{int64(len(hexes)), hexes[0][:min(32, len(hexes[0]))], hex.EncodeToString(sum[:])[:16]}))
}
