package lora

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/weights"
	"github.com/easel-go/easel/internal/weights/pickle"
)

// lightningRun is a run of lightning.json: the files Lightning left, the texts of some.
type lightningRun map[string]json.RawMessage

func lightningRuns(t *testing.T) map[string]lightningRun {
	runs := map[string]lightningRun{}
	for name, raw := range golden.JSON[map[string]json.RawMessage](t, golden.Part(t, "train/lightning.json")) {
		if strings.HasPrefix(name, "events.") {
			continue // package train's
		}
		runs[name] = golden.Decode[lightningRun](t, name, raw)
	}
	return runs
}

// TestGoldenLightningFolder logs what Lightning logged and compares the files.
func TestGoldenLightningFolder(t *testing.T) {
	for name, r := range lightningRuns(t) {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			f, err := newFolder(root)
			if err != nil {
				t.Fatal(err)
			}
			defer f.close()
			for _, s := range logged(t, r) {
				if err := f.log(s); err != nil {
					t.Fatal(err)
				}
			}
			for _, file := range golden.Decode[[]string](t, "files", r["files"]) {
				checkFile(t, root, file, r)
			}
		})
	}
}

// logged are the steps whose losses a run's metrics.csv or events tell.
func logged(t *testing.T, r lightningRun) (steps []Step) {
	for file, raw := range r {
		if strings.HasSuffix(file, "metrics.csv") {
			rows, err := csv.NewReader(strings.NewReader(golden.Decode[string](t, file, raw))).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows[1:] {
				epoch, _ := strconv.Atoi(row[0])
				step, _ := strconv.Atoi(row[1])
				loss, err := strconv.ParseFloat(row[2], 64)
				if err != nil {
					t.Fatal(err)
				}
				steps = append(steps, Step{Epoch: epoch, Index: step + 1, Loss: loss})
			}
		}
	}
	return steps
}

// checkFile finds a file of the listing in the folder: checkpoints under the name that
// is given to one after so many steps.
func checkFile(t *testing.T, root, file string, r lightningRun) {
	path := filepath.Join(root, filepath.FromSlash(file))
	base := filepath.Base(path)
	switch {
	case strings.HasSuffix(base, ".ckpt"):
		var epoch, step int
		m := regexp.MustCompile(`^epoch=(\d+)-step=(\d+)\.ckpt$`).FindStringSubmatch(base)
		if m == nil {
			t.Fatalf("checkpoint %s", file)
		}
		epoch, _ = strconv.Atoi(m[1])
		step, _ = strconv.Atoi(m[2])
		f := &folder{dir: filepath.Dir(filepath.Dir(path))}
		if have := f.checkpoint(epoch, step); have != path {
			t.Errorf("%s, want %s", have, path)
		}
	case strings.HasPrefix(base, "events.out.tfevents."):
		found, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "events.out.tfevents.*.0"))
		if len(found) != 1 {
			t.Errorf("events: %v", found)
		}
	default:
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if want := golden.Decode[string](t, file, r[file]); string(text) != want {
			t.Errorf("%s is\n%s\nwant\n%s", file, text, want)
		}
	}
}

// TestGoldenLightningCheckpoints reads the .ckpt files that Lightning wrote, writes the
// flat ones again, and reads those.
func TestGoldenLightningCheckpoints(t *testing.T) {
	dir := golden.Part(t, "train/lightning")
	for name, r := range lightningRuns(t) {
		for _, file := range golden.Decode[[]string](t, "files", r["files"]) {
			if !strings.HasSuffix(file, ".ckpt") {
				continue
			}
			path := filepath.Join(dir, name, filepath.FromSlash(file))
			want := golden.Tensors(t, filepath.Join(filepath.Dir(path), "expected.safetensors"))
			src, err := weights.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			d := &pickle.Dict{}
			for _, key := range want.Names() {
				in := key
				if !src.Has(in) {
					in = "state_dict." + key // Lightning's own form
				}
				v, err := owned(src, in)
				if err != nil {
					t.Fatal(err)
				}
				golden.Equal(t, name+": "+key, numbers(v), want.Get(t, key).Float32s())
				d.Set(key, v)
			}
			src.Close()
			again := filepath.Join(t.TempDir(), "x.ckpt")
			if err := weights.SaveTorch(again, d); err != nil {
				t.Fatal(err)
			}
			if src, err = weights.Open(again); err != nil {
				t.Fatal(err)
			}
			names := src.Names()
			slices.Sort(names)
			golden.Equal(t, "names", names, want.Names())
			src.Close()
		}
	}
}
