package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/easel-go/easel/clip"
	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/examples/tiny"
	"github.com/easel-go/easel/filter"
)

// choose opens what is trained on: a dataset as it is, or what a recipe keeps of it. The
// embedded pictures have a recipe of their own.
func choose(ctx context.Context, f *flags, w io.Writer) (*dataset.Dataset, error) {
	switch {
	case f.data == "":
		return chooseTiny(ctx, f, w)
	case f.recipe == "":
		return openData(f)
	}
	text, err := os.ReadFile(f.recipe)
	if err != nil {
		return nil, err
	}
	return runRecipe(ctx, f, text, f.data, w)
}

func openData(f *flags) (*dataset.Dataset, error) {
	var opts []dataset.Option
	if f.split != "" {
		opts = append(opts, dataset.WithSplit("", f.split))
	}
	return dataset.Open(f.data, opts...)
}

// chooseTiny writes the embedded pictures out, as recipes read files.
func chooseTiny(ctx context.Context, f *flags, w io.Writer) (*dataset.Dataset, error) {
	dir := filepath.Join(f.out, "tiny_pictures")
	if err := writePictures(dir); err != nil {
		return nil, err
	}
	text, err := fs.ReadFile(tiny.FS(), "recipe.yaml")
	if err == nil && f.recipe != "" {
		text, err = os.ReadFile(f.recipe)
	}
	if err != nil {
		return nil, err
	}
	return runRecipe(ctx, f, text, filepath.Join(dir, "metadata.jsonl"), w)
}

func writePictures(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	names, err := fs.Glob(tiny.FS(), "pictures/*")
	if err != nil {
		return err
	}
	for _, name := range names {
		b, err := fs.ReadFile(tiny.FS(), name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, path.Base(name)), b, 0o666)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// runRecipe filters a dataset and opens what is left.
func runRecipe(ctx context.Context, f *flags, text []byte, data string, w io.Writer) (*dataset.Dataset, error) {
	result := filepath.Join(f.out, "filtered", "result.jsonl")
	if err := os.MkdirAll(filepath.Dir(result), 0o777); err != nil {
		return nil, err
	}
	recipe, err := filter.ParseRecipe(bytes.NewReader(text), "--dataset_path", data, "--export_path", result)
	if err != nil {
		return nil, err
	}
	recipe.Models = &clip.Models{}
	report, err := recipe.Run(ctx)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(w, report)
	return dataset.Open(result)
}
