package dataset

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

func TestGoldenHostile(t *testing.T) {
	dir := golden.Part(t, "dataset/hostile")
	table := golden.JSON[struct {
		Versions map[string]string `json:"versions"`
		Seed     int               `json:"seed"`
		Limits   map[string]int    `json:"limits"`
		Cases    []hostileCase     `json:"cases"`
	}](t, filepath.Join(dir, "verdicts.json"))
	for _, c := range table.Cases {
		t.Run(c.File, func(t *testing.T) {
			if c.Needs != "" && c.Kind != "save_to_disk" {
				_, err := Open(filepath.Join(dir, c.File))
				if !errors.Is(err, Unsupported) {
					t.Errorf("%v, want an error that names the module", err)
				}
				return
			}
			c.check(t, filepath.Join(dir, c.File))
		})
	}
}

type hostileCase struct {
	File      string          `json:"file"`
	Kind      string          `json:"kind"`
	Size      int             `json:"size"`
	Verdict   string          `json:"verdict"`
	Why       string          `json:"why"`
	At        []string        `json:"at"`
	Needs     string          `json:"needs"`
	Names     []string        `json:"names"`
	Rows      *int            `json:"rows"`
	Reference json.RawMessage `json:"reference"`
}

func (c hostileCase) check(t *testing.T, file string) {
	names, rows, at, err := c.read(t, file)
	if c.Verdict == "refuse" {
		if err == nil || !slices.Contains(c.At, at) {
			t.Errorf("refused at %q (%v), want at %q: %s", at, err, c.At, c.Why)
		}
		if _, ok := errors.AsType[*Error](err); err != nil && !ok {
			t.Errorf("%T %v, want a typed error", err, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("%v, want it read: %s", err, c.Why)
	}
	if c.Names != nil {
		golden.Equal(t, "names", names, c.Names)
	}
	if c.Rows != nil && rows != *c.Rows {
		t.Errorf("%d rows, want %d", rows, *c.Rows)
	}
}

// read reads the file as its kind asks for, and says where an error came up.
func (c hostileCase) read(t *testing.T, file string) (names []string, rows int, at string, err error) {
	switch c.Kind {
	case "zip":
		a, err := openArchive(File{filepath.Base(file), os.DirFS(filepath.Dir(file))})
		if err != nil {
			return nil, 0, "open", err
		}
		defer a.Close()
		for _, n := range a.names() {
			if _, err := (Image{Path: file, Member: n, from: a}).Bytes(); err != nil {
				return nil, 0, "row", err
			}
		}
		return a.names(), 0, "", nil
	case "tar":
		return readTar(file)
	case "image":
		if _, err := (Image{Path: file}).Config(); err != nil && c.File == "" {
			return nil, 0, "header", err
		}
		_, err := Image{Path: file}.Decode()
		return nil, 0, "decode", err
	case "save_to_disk":
		return nil, 0, "open", openAs(t, file, "state.json", "dataset_info.json")
	case "yaml":
		return nil, 0, "open", openAs(t, file, "README.md", "train.csv")
	case "pickle":
		_, err := Open(file)
		return nil, 0, "never read", err
	}
	d, err := Open(file)
	if err != nil {
		return nil, 0, "open", err
	}
	defer d.Close()
	for pass := range 2 {
		rows = 0
		for _, e := range d.All(t.Context()) {
			if e != nil {
				err = e
				break
			}
			rows++
		}
		if err == nil && pass == 0 {
			break
		}
	}
	return nil, rows, "row", err
}

func readTar(file string) (names []string, rows int, at string, err error) {
	d, err := Open(file, WithFormat("webdataset"))
	if err != nil {
		return nil, 0, "open", err
	}
	s := d.src.(*tarSource)
	in, err := s.begin(0)
	if err != nil {
		return nil, 0, "row", err
	}
	defer in.close()
	for {
		smp, err := in.next(true)
		if err != nil {
			slices.Sort(names)
			if err.Error() == "EOF" {
				err = nil
			}
			return names, len(names), "row", err
		}
		for _, m := range smp.members {
			names = append(names, m.name)
		}
	}
}

// openAs opens a folder that holds the file under another name, beside an empty one.
func openAs(t *testing.T, file, name, other string) error {
	dir := t.TempDir()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, name), b, 0o666)
	os.WriteFile(filepath.Join(dir, other), []byte("{}\n"), 0o666)
	_, err = Open(dir)
	return err
}
