package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/easel-go/easel/lora"
)

// convert writes an adapter in another dialect. -model tells what it is for where names
// and shapes do not.
func convert(f *flags, w io.Writer) error {
	if f.output == "" {
		return errors.New("-convert needs -o, the file or folder to write")
	}
	var opts []lora.Option
	if f.alpha > 0 {
		opts = append(opts, lora.WithAlpha(f.alpha))
	}
	a, err := lora.Load(f.convert, opts...)
	if err != nil {
		return err
	}
	var save []lora.SaveOption
	if f.model != "" {
		pipe, err := open(f)
		if err != nil {
			return err
		}
		defer pipe.Close()
		save = append(save, lora.For(pipe))
	}
	if err := a.Save(f.output, lora.Dialect(f.to), save...); err != nil {
		return err
	}
	i := a.Info()
	fmt.Fprintf(w, "%s: %d layers of rank %d, alpha %g, from %s to %s\n", f.output, len(i.Layers), i.Rank, i.Alpha, i.Dialect, f.to)
	return nil
}
