package model

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/engine/cpu"
	"github.com/easel-go/easel/internal/fault"
)

// swapped is a pipeline folder with one of its parts from another.
type swapped struct {
	own, other fs.FS
	part       string
}

func (s swapped) Open(name string) (fs.File, error) {
	if name == s.part || strings.HasPrefix(name, s.part+"/") {
		return s.other.Open(name)
	}
	return s.own.Open(name)
}

// TestGoldenForeignParts puts every part of every model into every other model: what
// does not belong is refused with a kind, and what is opened reads a prompt.
func TestGoldenForeignParts(t *testing.T) {
	for _, own := range kinds(t) {
		for _, other := range kinds(t) {
			if own == other {
				continue
			}
			for _, part := range []string{"unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler", "model_index.json"} {
				t.Run(path.Join(filepath.Base(own), part, "of "+filepath.Base(other)), func(t *testing.T) {
					foreignPart(t, swapped{os.DirFS(own), os.DirFS(other), part})
				})
			}
		}
	}
}

func foreignPart(t *testing.T, files swapped) {
	b, err := Open(".", Options{FS: files, Engine: cpu.New(cpu.Options{})})
	if err == nil {
		defer b.Close()
		_, err = b.Encode(t.Context(), Prompt{Text: "a cat, 一只猫", Text2: "二次元"})
	}
	var e *fault.Error
	if err != nil && (!errors.As(err, &e) || e.Kind == "") {
		t.Errorf("%T %v has no kind", err, err)
	}
}
