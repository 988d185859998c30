//go:build !unix && !windows

package weights

import (
	"errors"
	"os"
)

// mapFile says that this system maps no files: they are read instead.
func mapFile(*os.File, int) ([]byte, func() error, error) {
	return nil, nil, errors.ErrUnsupported
}
