package tiny

import (
	"io/fs"
	"testing"
)

// TestSize keeps what every importer of the package links below 12 MB.
func TestSize(t *testing.T) {
	var sum int64
	err := fs.WalkDir(FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if sum < 8<<20 || sum > 12<<20 {
		t.Errorf("%d bytes embedded, want 8 to 12 MiB", sum)
	}
}
