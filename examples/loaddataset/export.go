package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/schollz/progressbar/v3"

	"github.com/easel-go/easel/dataset"
)

// export writes every sample that is whole, and says how many are not.
func export(ctx context.Context, w io.Writer, d *dataset.Dataset, f flags) error {
	out, err := create(d, f)
	if err != nil {
		return err
	}
	defer out.Abort() // leaves what is there for -resume; after Close it does nothing
	var bar *progressbar.ProgressBar
	if !f.quiet {
		bar = progressbar.Default(int64(d.Len()), "exporting")
		defer bar.Close()
	}
	bad, skip := 0, out.Done()
	for s, err := range d.All(ctx) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if bar != nil {
			bar.Add(1)
		}
		if err == nil && f.caption != "" {
			s.SetText(f.caption)
		}
		if err == nil && skip > 0 && readable(s) {
			skip-- // written before the interruption
			continue
		}
		if err == nil {
			err = out.Write(s)
		}
		if err != nil {
			bad++
			fmt.Fprintln(w, "left out:", err)
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	fmt.Fprintf(w, "wrote %d samples to %s, left out %d\n", out.Done(), f.out, bad)
	return nil
}

// readable reports whether the sample's pictures can be read: only such a one was
// counted as written.
func readable(s *dataset.Sample) bool {
	for _, m := range s.Images() {
		if _, err := m.Decode(); err != nil {
			return false
		}
	}
	return true
}

func create(d *dataset.Dataset, f flags) (*dataset.Writer, error) {
	opts, err := writeOptions(f)
	if err != nil {
		return nil, err
	}
	switch format(f) {
	case "folder":
		return dataset.CreateFolder(f.out, opts...)
	case "jsonl":
		return dataset.CreateJSONL(f.out, opts...)
	case "csv":
		return dataset.CreateCSV(f.out, nil, opts...)
	case "parquet":
		return dataset.CreateParquet(f.out, d.Columns(), opts...)
	case "webdataset":
		return dataset.CreateWebDataset(f.out, opts...)
	}
	return nil, fmt.Errorf("-format %s, want folder, jsonl, csv, parquet or webdataset", f.format)
}

// format tells the form from the name of what is to be written.
func format(f flags) string {
	if f.format != "" {
		return f.format
	}
	switch filepath.Ext(f.out) {
	case ".jsonl":
		return "jsonl"
	case ".csv":
		return "csv"
	case ".parquet":
		return "parquet"
	case ".tar":
		return "webdataset"
	}
	return "folder"
}

func writeOptions(f flags) (opts []dataset.WriteOption, err error) {
	if f.resume {
		opts = append(opts, dataset.Resume())
	}
	if f.replace {
		opts = append(opts, dataset.Replace())
	}
	if f.originals {
		opts = append(opts, dataset.Originals())
	}
	forms := map[string]dataset.Metadata{"csv": dataset.MetadataCSV, "jsonl": dataset.MetadataJSONL, "datajuicer": dataset.MetadataDataJuicer}
	form, ok := forms[strings.ToLower(f.metadata)]
	if !ok {
		return nil, fmt.Errorf("-metadata %s, want csv, jsonl or datajuicer", f.metadata)
	}
	return append(opts, dataset.WithMetadata(form)), nil
}
