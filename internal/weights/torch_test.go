package weights

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/weights/pickle"
)

// torchCase is a row of torch.json.
type torchCase struct {
	Note        string                `json:"note"`
	WeightsOnly string                `json:"torch_weights_only"`
	Full        string                `json:"torch_full"`
	Tensors     map[string]wantTensor `json:"tensors"`
}

// TestGoldenTorch: whatever torch itself reads comes out with the same bytes. What
// only its unsafe reader takes, and what it refuses, may be refused.
func TestGoldenTorch(t *testing.T) {
	table := golden.JSON[map[string]torchCase](t, golden.Part(t, "checkpoint/torch.json"))
	dir := golden.Part(t, "checkpoint/torch")
	for _, file := range golden.Keys(table) {
		c, path := table[file], filepath.Join(dir, file)
		src, err := openAll(t, path)
		if err != nil {
			if isTar(t, path) || strings.Contains(c.Full, "Error") {
				t.Logf("%s: %v", file, err)
			} else {
				t.Errorf("%s: %v", file, err)
			}
			continue
		}
		checkTensors(t, file, src, c.Tensors)
		if !strings.HasSuffix(file, "/") {
			checkTruncations(t, path)
		}
	}
}

// isTar: archives of PyTorch before 0.1.10 are refused in so many words.
func isTar(t *testing.T, path string) bool {
	b := golden.Bytes(t, path)
	return len(b) > 262 && string(b[257:262]) == "ustar"
}

// TestGoldenHostile: every verdict, in bounded memory and time.
func TestGoldenHostile(t *testing.T) {
	table := golden.JSON[map[string]struct {
		Easel string `json:"easel"`
		Torch string `json:"torch_weights_only"`
	}](t, golden.Part(t, "checkpoint/hostile.json"))
	dir := golden.Part(t, "checkpoint/hostile")
	for _, file := range golden.Keys(table) {
		path := filepath.Join(dir, file)
		src, err := openAll(t, path)
		switch want := table[file].Easel; {
		case want == "accept" && err != nil:
			t.Errorf("%s: %v", file, err)
		case want == "accept":
			checkTruncations(t, path)
		case want == "refuse" && err == nil:
			t.Errorf("%s: accepted with tensors %q", file, src.Names())
		case want != "refuse" && !strings.HasPrefix(want, "either"):
			t.Errorf("%s: verdict %q is none that this test knows", file, want)
		}
		t.Logf("%s: %v", file, err)
	}
	if _, err := os.Stat("pwned.txt"); err == nil {
		t.Error("something was run")
	}
}

func TestGoldenObject(t *testing.T) {
	dir := golden.Part(t, "checkpoint/ldm")
	for _, path := range golden.Glob(t, dir, "*.ckpt") {
		src, err := openAll(t, path)
		if err != nil {
			t.Fatal(err)
		}
		root, ok := src.Object().(*pickle.Dict)
		if !ok {
			t.Fatalf("%s: a %T, want a dict", path, src.Object())
		}
		state, ok := root.Get("state_dict").(*pickle.Dict)
		if !ok || len(state.Keys) != src.Len() {
			t.Errorf("%s: state_dict is %T", path, root.Get("state_dict"))
		}
		for _, key := range []string{"epoch", "global_step"} {
			if n, ok := root.Get(key).(int64); !ok || n <= 0 {
				t.Errorf("%s: %s = %v", path, key, root.Get(key))
			}
		}
		for _, v := range state.Values {
			if name, ok := v.(TensorName); !ok || !src.Has(string(name)) {
				t.Fatalf("%s: state_dict holds %v", path, v)
			}
		}
	}
}
