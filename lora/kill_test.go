package lora

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/golden"
)

// child is what a process of its own is to train.
type child struct {
	Dir, Resume string
	Cache       string
	Limit       uint64 // after two steps, the largest file it may write; 0 for any
}

// quick is a training that saves after every step.
func quick(dir, resume string) Config {
	return Config{
		Rank: 2, Alpha: 2, LearningRate: 1e-3, StepsPerEpoch: 6, Epochs: 2, Height: 64, Width: 64, Flip: true, ClipNorm: 1, Seed: 9,
		Dir: dir, Resume: resume, SaveEvery: 1,
	}
}

const childVariable = "EASEL_TEST_CHILD"

// TestChild is the process that others start and kill.
func TestChild(t *testing.T) {
	text := os.Getenv(childVariable)
	if text == "" {
		t.Skip("runs in the processes that TestKilled and TestDiskFull start")
	}
	var c child
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	config := quick(c.Dir, c.Resume)
	config.Cache = c.Cache
	config.OnStep = func(s Step) error {
		if s.Index == 2 && c.Limit > 0 {
			return limitFiles(c.Limit)
		}
		return nil
	}
	_, err := Train(t.Context(), tinyPipeline(t), tinyPictures(t), config)
	if c.Limit > 0 && (fault.KindOf(err) != "" || err == nil || !strings.Contains(err.Error(), "step=3")) {
		t.Fatalf("%v, want an error without a kind that names the file", err)
	} else if c.Limit == 0 && err != nil {
		t.Fatal(err)
	}
}

// start runs TestChild in another process.
func (c child) start(t *testing.T) (*exec.Cmd, *bytes.Buffer) {
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// unbroken is a training that nobody disturbed, and all files of its checkpoints.
type unbroken struct {
	*Trained
	files map[string][]byte
}

func trainUnbroken(t *testing.T) unbroken {
	u := unbroken{mustTrain(t, quick(t.TempDir(), "")), map[string][]byte{}}
	for _, path := range checkpoints(t, u.Version, "*") {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		u.files[filepath.Base(path)] = b
	}
	return u
}

// checkpoints lists the files of a run's checkpoints that end so.
func checkpoints(t testing.TB, version, ending string) []string {
	paths, err := filepath.Glob(filepath.Join(version, "checkpoints", "epoch*"+ending))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// newest returns the .ckpt of most steps below a training's folder, "" if there is none,
// and its steps.
func (u unbroken) newest(t *testing.T, dir string) (path string, steps int) {
	for _, p := range checkpoints(t, filepath.Join(dir, "lightning_logs", "version_*"), ".ckpt") {
		var epoch, n int
		if _, err := fmt.Sscanf(filepath.Base(p), "epoch=%d-step=%d.ckpt", &epoch, &n); err != nil {
			t.Fatal(err)
		}
		if n > steps {
			path, steps = p, n
		}
	}
	return path, steps
}

// check compares all files below a training's folder that have their names with the
// unbroken training's.
func (u unbroken) check(t *testing.T, dir string) {
	t.Helper()
	for _, p := range checkpoints(t, filepath.Join(dir, "lightning_logs", "version_*"), "") {
		if b, err := os.ReadFile(p); err != nil || !bytes.Equal(b, u.files[filepath.Base(p)]) {
			t.Fatalf("%s has other bytes than the unbroken training's, or cannot be read: %v", p, err)
		}
	}
}

// TestKilled kills trainings at random times, twenty by default. Each time every
// checkpoint is whole, and a training that goes on from the newest one ends with the
// bytes of one that nobody killed.
func TestKilled(t *testing.T) {
	kills := 20
	if os.Getenv("EASEL_BIG") != "" {
		kills = 300
	}
	u := trainUnbroken(t)
	began := time.Now()
	cmd, out := child{Dir: t.TempDir()}.start(t)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	whole := time.Since(began)
	dir, after := t.TempDir(), map[int]int{}
	for killed := 0; killed < kills; {
		from, _ := u.newest(t, dir)
		cmd, out := child{Dir: dir, Resume: from}.start(t)
		time.Sleep(rand.N(whole))
		cmd.Process.Kill()
		cmd.Wait()
		switch text := out.String(); {
		case strings.Contains(text, "FAIL"):
			t.Fatal(text)
		case strings.Contains(text, "PASS"): // it was done before
			dir = t.TempDir()
			continue
		}
		killed++
		u.check(t, dir)
		path, steps := u.newest(t, dir)
		after[steps]++
		r := mustTrain(t, quick("", path))
		if r.WarmStart {
			t.Errorf("%s has no state", path)
		}
		golden.Equal(t, "losses from "+path, r.Losses, u.Losses[steps:])
		golden.Equal(t, "matrices from "+path, allNumbers(r.Adapter), allNumbers(u.Adapter))
		if steps == len(u.Losses) {
			dir = t.TempDir()
		}
	}
	t.Logf("kills by the steps saved before: %v", after)
}

// TestSaveFaults puts a folder in the way of each file of a checkpoint: the training
// ends with an error that names the file, the checkpoint before it is whole and can be
// gone on from, and no other file is left.
func TestSaveFaults(t *testing.T) {
	u := trainUnbroken(t)
	for _, ending := range []string{".state.safetensors", ".ckpt", ".safetensors"} {
		dir := t.TempDir()
		c := quick(dir, "")
		blocked := filepath.Join(dir, "lightning_logs", "version_0", "checkpoints", "epoch=0-step=3"+ending)
		c.OnStep = func(s Step) error {
			if s.Index != 2 {
				return nil
			}
			return os.MkdirAll(filepath.Join(blocked, "full"), 0o777)
		}
		_, err := Train(t.Context(), tinyPipeline(t), tinyPictures(t), c)
		if e, ok := err.(*Error); !ok || e.Where != blocked {
			t.Fatalf("%s: %v, want an error that names it", ending, err)
		}
		if err := os.RemoveAll(blocked); err != nil {
			t.Fatal(err)
		}
		u.afterFault(t, dir)
	}
}

// afterFault looks at what a training that could not save its third step left.
func (u unbroken) afterFault(t *testing.T, dir string) {
	t.Helper()
	u.check(t, dir)
	if hidden, _ := filepath.Glob(filepath.Join(dir, "lightning_logs", "*", "checkpoints", ".*")); len(hidden) > 0 {
		t.Errorf("unfinished files are left: %v", hidden)
	}
	path, steps := u.newest(t, dir)
	if steps != 2 && steps != 3 { // the .ckpt is not the last file of the third
		t.Fatalf("the newest checkpoint is %s", path)
	}
	r := mustTrain(t, quick("", path))
	golden.Equal(t, "matrices from "+path, allNumbers(r.Adapter), allNumbers(u.Adapter))
}
