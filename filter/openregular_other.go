//go:build !unix

package filter

import "os"

// openRegular opens an ordinary file.
func openRegular(path string) (*os.File, error) {
	if err := regular(path); err != nil {
		return nil, err
	}
	return os.Open(path)
}
