package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/lora"
)

// train trains the adapter. A training that was cut off goes on from its newest
// checkpoint.
func (st *story) train(ctx context.Context) error {
	dir, err := st.trainingFolder(ctx)
	if err != nil {
		return err
	}
	data, err := dataset.Open(dir)
	if err != nil {
		return err
	}
	defer data.Close()
	bar := st.bar("train", st.TrainSteps)
	c := lora.Config{
		Rank: st.Rank, Alpha: st.Alpha, LearningRate: st.LearningRate, StepsPerEpoch: st.TrainSteps, Batch: st.Batch,
		Height: st.Size, Width: st.Size, CenterCrop: true, Checkpointing: st.Model != "",
		Dir: st.Out, SaveEvery: max(st.TrainSteps/5, 1), Resume: st.newestCheckpoint(),
		OnStep: func(s lora.Step) error { bar(s.Index); return nil },
	}
	trained, err := lora.Train(ctx, st.pipe, data, c)
	if err != nil && c.Resume != "" && ctx.Err() == nil {
		st.say("%s cannot be gone on from (%v); the training begins anew", c.Resume, err)
		c.Resume = ""
		trained, err = lora.Train(ctx, st.pipe, data, c)
	}
	if err != nil {
		return err
	}
	for _, s := range trained.Skipped {
		st.say("left out: %s", s)
	}
	if err := st.writeJSON("losses.json", trained.Losses); err != nil {
		return err
	}
	return trained.Adapter.Save(st.path("adapter.safetensors"), lora.Diffusers, lora.For(st.pipe))
}

// newestCheckpoint returns the newest checkpoint with a state beside it, or "".
func (st *story) newestCheckpoint() string {
	var newest string
	var when time.Time
	_ = filepath.WalkDir(st.path("lightning_logs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".ckpt" {
			return nil
		}
		if _, err := os.Stat(strings.TrimSuffix(path, ".ckpt") + ".state.safetensors"); err != nil {
			return nil
		}
		if info, err := d.Info(); err == nil && info.ModTime().After(when) {
			newest, when = path, info.ModTime()
		}
		return nil
	})
	return newest
}
