package dataset

import "io/fs"

// noFiles is a folder that holds nothing.
type noFiles struct{}

// Open returns an error for every name.
func (noFiles) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
