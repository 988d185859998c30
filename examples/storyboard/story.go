package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/easel-go/easel/clip"
	"github.com/easel-go/easel/diffusion"
	"github.com/easel-go/easel/examples/tiny"
)

// story is a run: its settings, its models, and which stages stand.
type story struct {
	*settings
	pipe *diffusion.Pipeline
	clip *clip.Model // nil for no scores
	head *clip.Head  // nil for no marks
	done state
}

// state is state.json: for each finished stage, the key it was finished under, and how
// long it took.
type state map[string]finished

type finished struct {
	Key  string
	Took time.Duration
}

// stage is a part of the flow. A stage whose key is in state.json is not run again;
// the key holds whatever decides its results, the stages before it included.
type stage struct {
	name string
	key  any
	run  func(*story, context.Context) error
}

func (st *story) stages() []stage {
	s := st.settings
	return []stage{
		{"pictures", []any{s.Dataset, s.Subset, s.Split}, (*story).gather},
		{"filter", s.recipeKey(), (*story).filter},
		{"score", []any{s.CLIP, s.Aesthetics, s.Model == ""}, (*story).score},
		{"train", []any{s.Model, s.Variant, s.Precision, s.TrainSteps, s.Batch, s.LearningRate, s.Rank, s.Alpha, s.Size}, (*story).train},
		{"scenes without the LoRA", []any{s.Steps, s.Guidance}, (*story).paintBefore},
		{"scenes with the LoRA", s.LoraScale, (*story).paintAfter},
		{"sheet", nil, (*story).sheets},
		{"report", time.Now(), (*story).report}, // always made anew
	}
}

// open opens the models.
func open(s *settings) (*story, error) {
	st := &story{settings: s, done: state{}}
	opts := []diffusion.Option{diffusion.WithDevice(s.Device), diffusion.WithPrecision(diffusion.Precision(s.Precision))}
	if s.Variant != "" {
		opts = append(opts, diffusion.WithVariant(s.Variant))
	}
	if s.Model == "" {
		opts = append(opts, diffusion.WithFS(tiny.FS()))
	}
	var err error
	if st.pipe, err = diffusion.Open(cmp.Or(s.Model, "kolors"), opts...); err != nil {
		return nil, err
	}
	if err := st.openCLIP(); err != nil {
		st.close()
		return nil, err
	}
	if err := os.MkdirAll(s.Out, 0o755); err != nil {
		st.close()
		return nil, err
	}
	return st, st.readState()
}

func (st *story) openCLIP() (err error) {
	switch {
	case st.CLIP != "":
		if st.clip, err = clip.Open(st.CLIP); err == nil && st.Aesthetics != "" {
			st.head, err = clip.OpenHead(st.Aesthetics)
		}
	case st.Model == "":
		if st.clip, err = clip.Open("clip", clip.WithFS(tiny.FS())); err == nil {
			st.head, err = clip.OpenHead("aesthetics/head.safetensors", clip.WithFS(tiny.FS()))
		}
	}
	return err
}

func (st *story) close() {
	if st.clip != nil {
		st.clip.Close()
	}
	st.pipe.Close()
}

// run runs the stages that do not stand yet. The first that fails ends the run, and
// what stands stays.
func (st *story) run(ctx context.Context) error {
	before := ""
	for _, g := range st.stages() {
		key, err := chain(before, g.key)
		if err != nil {
			return err
		}
		before = key
		if g.name != "report" && st.done[g.name].Key == key {
			st.say("%-24s stands", g.name)
			continue
		}
		start := time.Now()
		if err := g.run(st, ctx); err != nil {
			return fmt.Errorf("%s: %w; what is finished stands in %s, and the next run goes on from there", g.name, err, st.Out)
		}
		st.done[g.name] = finished{key, time.Since(start)}
		if err := st.writeJSON("state.json", st.done); err != nil {
			return err
		}
	}
	return nil
}

// chain joins a key to those of the stages before it.
func chain(before string, key any) (string, error) {
	b, err := json.Marshal([]any{before, key})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8]), nil
}

func (st *story) readState() error {
	err := st.readJSON("state.json", &st.done)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w; remove the file to begin anew", st.path("state.json"), err)
	}
	return nil
}

// path returns a path below the folder that is written.
func (st *story) path(parts ...string) string {
	return filepath.Join(append([]string{st.Out}, parts...)...)
}

func (st *story) readJSON(name string, v any) error {
	b, err := os.ReadFile(st.path(name))
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

func (st *story) writeJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return writeFile(st.path(name), append(b, '\n'))
}

// writeFile writes a file that appears under its name only when it is whole.
func writeFile(path string, b []byte) error {
	part := path + ".part"
	if err := os.WriteFile(part, b, 0o644); err != nil {
		os.Remove(part)
		return err
	}
	return os.Rename(part, path)
}

func (st *story) say(format string, args ...any) {
	if !st.Quiet {
		fmt.Printf(format+"\n", args...)
	}
}

// bar returns a progress bar for a stage; its function sets how much is done.
func (st *story) bar(name string, total int) (set func(int)) {
	if st.Quiet {
		return func(int) {}
	}
	b := progressbar.NewOptions(total, progressbar.OptionSetDescription(fmt.Sprintf("%-24s", name)), progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionOnCompletion(func() { fmt.Fprintln(os.Stderr) }))
	return func(n int) { _ = b.Set(n) }
}
