package weights

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

// shapeList is one of shapes/*.json.gz.
type shapeList struct {
	Config     json.RawMessage  `json:"config"`
	Dtype      string           `json:"dtype"`
	Count      int              `json:"tensor_count"`
	Parameters int              `json:"parameters"`
	MD5        string           `json:"md5"`
	Note       string           `json:"note"`
	Tensors    map[string][]int `json:"tensors"`
	Published  bool             `json:"md5_equals_published_hash"`
}

// source returns a Source without values.
func (l shapeList) source() *Source {
	s := newSource("list")
	for _, name := range golden.Keys(l.Tensors) {
		s.add(name, entry{Info: Info{F16, l.Tensors[name]}})
	}
	return s
}

func shapeLists(t *testing.T) map[string]shapeList {
	lists := map[string]shapeList{}
	for _, path := range golden.Glob(t, golden.Part(t, "checkpoint/shapes"), "*.json.gz") {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		lists[strings.TrimSuffix(filepath.Base(path), ".json.gz")] = golden.Decode[shapeList](t, path, b)
	}
	return lists
}

// foreign matches words of names that are not diffusers' or transformers' today.
var foreign = regexp.MustCompile(`\.(query|key|value|proj_attn|in_proj_.*|[qkv])\.|_model\.diffusion|put_blocks|resblocks|^blocks`)

// TestGoldenShapes: each list is recognised whole, and what it is renamed to is one
// of the lists that diffusers and transformers themselves made, name by name and
// shape by shape.
func TestGoldenShapes(t *testing.T) {
	lists := shapeLists(t)
	table := golden.JSON[map[string]struct {
		Count      int    `json:"tensor_count"`
		Parameters int    `json:"parameters"`
		MD5        string `json:"md5"`
		Note       string `json:"note"`
		Published  bool   `json:"md5_equals_published_hash"`
	}](t, golden.Part(t, "checkpoint/shapes.json"))
	reference := map[string]string{} // type hash → list
	for name, l := range lists {
		reference[TypeHash(l.needed().source())] = name
	}
	for _, name := range golden.Keys(table) {
		l, ok := lists[name]
		if !ok {
			t.Errorf("%s: no list", name)
			continue
		}
		src := l.source()
		if h := TypeHash(src); h != table[name].MD5 || h != l.MD5 || src.Len() != table[name].Count {
			t.Errorf("%s: hash %s of %d tensors, want %s of %d", name, h, src.Len(), table[name].MD5, table[name].Count)
		}
		c, err := Identify(src)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var found []string
		for _, part := range slices.Sorted(maps.Keys(c.Parts)) {
			as := reference[TypeHash(c.Parts[part])]
			if as == "" {
				t.Errorf("%s: its %s is none of the lists", name, part)
			}
			for _, tensor := range c.Parts[part].Names() {
				if foreign.MatchString(tensor) {
					t.Errorf("%s: %s is not diffusers' name", name, tensor)
				}
			}
			found = append(found, string(part)+" = "+as)
		}
		t.Logf("%s: family %q, %s; dropped %q", name, c.Family, strings.Join(found, ", "), c.Dropped)
	}
}

// needed leaves out what no network needs.
func (l shapeList) needed() shapeList {
	l.Tensors = maps.Clone(l.Tensors)
	maps.DeleteFunc(l.Tensors, func(name string, _ []int) bool { return isUnneeded(name) })
	return l
}

// ldmMap is ldm/*_map.json: single-file key → part, diffusers' names, how, shape, hashes.
type ldmMap struct {
	Proof map[string]string             `json:"proof"`
	Extra []string                      `json:"extra_keys"`
	Keys  map[string][5]json.RawMessage `json:"keys"`
}

// oneOrMore reads a string or a list of strings.
func oneOrMore(t *testing.T, raw json.RawMessage) []string {
	if raw[0] == '[' {
		return golden.Decode[[]string](t, "list", raw)
	}
	return []string{golden.Decode[string](t, "string", raw)}
}

// TestGoldenLDM: what a single file is renamed to has the bytes that diffusers' own
// tensors have.
func TestGoldenLDM(t *testing.T) {
	dir := golden.Part(t, "checkpoint/ldm")
	for _, mapPath := range golden.Glob(t, dir, "*_map.json") {
		table := golden.JSON[ldmMap](t, mapPath)
		stem := strings.TrimSuffix(mapPath, "_map.json")
		want := map[string]map[string]string{} // part → name → hash
		for key, row := range table.Keys {
			part := golden.Decode[string](t, key, row[0])
			if want[part] == nil {
				want[part] = map[string]string{}
			}
			hashes := oneOrMore(t, row[4])
			for i, name := range oneOrMore(t, row[1]) {
				want[part][name] = hashes[i]
			}
		}
		checkLDM(t, stem+".safetensors", want, table.Extra, true)
		ckpts, _ := filepath.Glob(stem + "_*.ckpt")
		for _, ckpt := range ckpts {
			checkLDM(t, ckpt, want, table.Extra, false)
		}
	}
}

func checkLDM(t *testing.T, path string, want map[string]map[string]string, extra []string, whole bool) {
	t.Helper()
	src, err := openAll(t, path)
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	c, err := Identify(src)
	if err != nil {
		t.Error(err)
		return
	}
	n := 0
	for part, s := range c.Parts {
		n += s.Len()
		for _, name := range s.Names() {
			b, err := s.Bytes(name)
			if err != nil {
				t.Error(err)
			}
			sum := sha256.Sum256(b)
			if have := hex.EncodeToString(sum[:8]); have != want[string(part)][name] {
				t.Errorf("%s: %s of %s has hash %s, want %q", path, name, part, have, want[string(part)][name])
			}
		}
		if whole && s.Len() != len(want[string(part)]) {
			t.Errorf("%s: %s has %d tensors, want %d", path, part, s.Len(), len(want[string(part)]))
		}
	}
	if whole && len(c.Parts) != len(want) {
		t.Errorf("%s: %d parts, want %d", path, len(c.Parts), len(want))
	}
	if whole && len(c.Dropped) != len(extra) {
		t.Errorf("%s: dropped %q, want %q", path, c.Dropped, extra)
	}
	t.Logf("%s: %s, %d tensors in %d parts", filepath.Base(path), c.Family, n, len(c.Parts))
}

// TestGoldenOpenCLIP: CLIP under OpenAI's names, in a TorchScript archive too, has
// the tensors of the same weights under transformers' names.
func TestGoldenOpenCLIP(t *testing.T) {
	table := golden.JSON[struct {
		Versions, Models json.RawMessage
		OpenCLIP         struct {
			Version string            `json:"open_clip"`
			Same    string            `json:"same_weights_as"`
			Diff    float64           `json:"max_abs_diff_logits_open_clip_vs_transformers"`
			Logits  json.RawMessage   `json:"logits_per_image"`
			Names   map[string][]int  `json:"names"`
			Extra   []string          `json:"torchscript_extra"`
			Dtypes  map[string]string `json:"torchscript_dtypes"`
		} `json:"open_clip"`
	}](t, golden.Part(t, "clip/clip.json"))
	dir := golden.Part(t, "clip")
	want := identified(t, filepath.Join(dir, table.OpenCLIP.Same), CLIP)
	for _, path := range golden.Glob(t, dir, "open_clip/*.*") {
		have := identified(t, path, CLIP)
		if TypeHash(have) != TypeHash(want) {
			t.Errorf("%s: names or shapes differ from %s", path, table.OpenCLIP.Same)
		}
		for _, name := range want.Names() {
			h, w := have.entries[name], want.entries[name]
			if h.Dtype != w.Dtype {
				continue // halves
			}
			hb, err := h.bytes()
			wb, err2 := w.bytes()
			if err != nil || err2 != nil || !slices.Equal(hb, wb) {
				t.Errorf("%s: %s has other bytes", path, name)
			}
		}
	}
}

func identified(t *testing.T, path string, part Part) *Source {
	t.Helper()
	c, err := Identify(mustOpen(t, path))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Parts) != 1 || c.Parts[part] == nil {
		t.Fatalf("%s: parts %v, want %s", path, slices.Sorted(maps.Keys(c.Parts)), part)
	}
	return c.Parts[part]
}
