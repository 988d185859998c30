package lora

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/imageio"
	"github.com/easel-go/easel/internal/train"
)

// folder is lightning_logs/version_N as Lightning 2 lays it out:
//
//	checkpoints/epoch=0-step=500.ckpt
//	hparams.yaml                          {}: the trainer of DiffSynth-Studio saves none
//	metrics.csv                           a row each 50 steps
//	events.out.tfevents.TIME.HOST.PID.0   the same for TensorBoard, and sample pictures
//
// Lightning writes either metrics.csv or events; here are both.
type folder struct {
	dir    string
	csv    *os.File
	file   *os.File
	events *train.Events
}

// logEvery is Lightning's log_every_n_steps.
const logEvery = 50

// newFolder makes the folder of the next version.
func newFolder(root string) (*folder, error) {
	logs := filepath.Join(root, "lightning_logs")
	if err := os.MkdirAll(logs, 0o777); err != nil {
		return nil, &fault.Error{Op: "lora", Where: logs, Err: err}
	}
	f := &folder{}
	for n := nextVersion(logs); ; n++ {
		f.dir = filepath.Join(logs, fmt.Sprintf("version_%d", n))
		err := os.Mkdir(f.dir, 0o777)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, &fault.Error{Op: "lora", Where: f.dir, Err: err}
		}
	}
	if err := f.open(); err != nil {
		f.close()
		return nil, &fault.Error{Op: "lora", Where: f.dir, Err: err}
	}
	return f, nil
}

func nextVersion(logs string) (n int) {
	entries, _ := os.ReadDir(logs)
	for _, e := range entries {
		if v, err := strconv.Atoi(strings.TrimPrefix(e.Name(), "version_")); err == nil && strings.HasPrefix(e.Name(), "version_") {
			n = max(n, v+1)
		}
	}
	return n
}

func (f *folder) open() (err error) {
	if err = os.Mkdir(filepath.Join(f.dir, "checkpoints"), 0o777); err != nil {
		return err
	}
	if err = os.WriteFile(filepath.Join(f.dir, "hparams.yaml"), []byte("{}\n"), 0o666); err != nil {
		return err
	}
	if f.csv, err = os.Create(filepath.Join(f.dir, "metrics.csv")); err != nil {
		return err
	}
	if _, err = f.csv.WriteString("epoch,step,train_loss\n"); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	name := fmt.Sprintf("events.out.tfevents.%d.%s.%d.0", time.Now().Unix(), host, os.Getpid())
	if f.file, err = os.Create(filepath.Join(f.dir, name)); err != nil {
		return err
	}
	f.events, err = train.NewEvents(f.file, now())
	return err
}

func now() float64 { return float64(time.Now().UnixNano()) / 1e9 }

// log writes the row of a step, if it is due, and its sample pictures. Lightning counts
// steps from 0.
func (f *folder) log(s Step) error {
	at := int64(s.Index - 1)
	if s.Index%logEvery == 0 {
		if _, err := fmt.Fprintf(f.csv, "%d,%d,%s\n", s.Epoch, at, pythonFloat(float64(float32(s.Loss)))); err != nil {
			return &fault.Error{Op: "lora", Where: f.csv.Name(), Err: err}
		}
		if err := f.scalars(at, s); err != nil {
			return &fault.Error{Op: "lora", Where: f.file.Name(), Err: err}
		}
	}
	for i, m := range s.Samples {
		if err := f.sample(at, i, m); err != nil {
			return &fault.Error{Op: "lora", Where: f.dir, Err: err}
		}
	}
	return nil
}

func (f *folder) scalars(at int64, s Step) error {
	for _, v := range []struct {
		tag string
		v   float64
	}{{"train_loss", s.Loss}, {"epoch", float64(s.Epoch)}, {"learning_rate", s.LearningRate}, {"grad_norm", s.GradNorm}} {
		if err := f.events.Scalar(now(), at, v.tag, float32(v.v)); err != nil {
			return err
		}
	}
	return nil
}

// sample writes picture i of a step into the events and into a file.
func (f *folder) sample(at int64, i int, m image.Image) error {
	var b bytes.Buffer
	if err := imageio.EncodePNG(&b, m); err != nil {
		return err
	}
	if err := f.events.Picture(now(), at, fmt.Sprintf("samples/%d", i), m.Bounds().Dx(), m.Bounds().Dy(), b.Bytes()); err != nil {
		return err
	}
	return f.savePicture(fmt.Sprintf("step=%d-%d.png", at+1, i), b.Bytes())
}

func (f *folder) savePicture(name string, png []byte) error {
	dir := filepath.Join(f.dir, "samples")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, name), png)
}

// checkpoint is the path of a checkpoint after so many steps.
func (f *folder) checkpoint(epoch, step int) string {
	return filepath.Join(f.dir, "checkpoints", fmt.Sprintf("epoch=%d-step=%d.ckpt", epoch, step))
}

func (f *folder) close() {
	if f.csv != nil {
		f.csv.Close()
	}
	if f.file != nil {
		f.file.Close()
	}
}

// pythonFloat spells a number as Python's repr does.
func pythonFloat(x float64) string {
	s := strconv.FormatFloat(x, 'e', -1, 64)
	_, exp, _ := strings.Cut(s, "e")
	if e, err := strconv.Atoi(exp); err != nil || e >= -4 && e < 16 {
		s = strconv.FormatFloat(x, 'f', -1, 64)
		if err == nil && !strings.Contains(s, ".") {
			s += ".0"
		}
		return strings.ToLower(strings.TrimPrefix(s, "+"))
	}
	return s
}
