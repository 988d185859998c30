package arch

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/easel-go/easel"

// may lists, for each folder, the folders of this module it may import; the first
// row that matches holds. A folder may always import internal/fault and the folders
// below itself.
var may = []struct{ from, to string }{
	{"examples/tiny", ""},
	{"examples", "dataset filter clip diffusion lora grid examples"},
	{"lora", "diffusion dataset internal/train internal/model internal/weights internal/nn internal/graph internal/rng internal/imageio internal/sampler internal/engine"},
	{"filter/beam/filterbeam", "filter clip"},
	{"filter/beam", "filter dataset"},
	{"filter/chinese", "filter dataset"},
	{"filter/filtertest", "filter dataset internal/golden"},
	{"filter", "dataset internal/imageio internal/tokenizer internal/hub"},
	{"clip", "internal/model internal/nn internal/graph internal/engine internal/weights internal/tokenizer internal/imageio internal/hub internal/asm"},
	{"diffusion", "internal/model internal/sampler internal/rng internal/imageio internal/hub internal/engine internal/weights internal/tokenizer"},
	{"dataset/internal/cases", "dataset internal/golden"},
	{"dataset", "internal/hub internal/imageio dataset"},
	{"grid", "internal/imageio"},
	{"internal/train", "internal/model internal/sampler internal/rng internal/imageio internal/nn internal/graph internal/engine"},
	{"internal/model", "internal/nn internal/weights internal/tokenizer internal/graph internal/engine internal/model"},
	{"internal/weights", "internal/nn internal/engine"},
	{"internal/nn", "internal/graph internal/engine"},
	{"internal/graph/plan", "internal/graph internal/engine"},
	{"internal/graph/op", "internal/graph internal/engine"},
	{"internal/graph/graphtest", "internal/graph internal/engine"},
	{"internal/graph", "internal/engine"},
	{"internal/engine/cpu", "internal/engine internal/asm"},
	{"internal/engine/cuda", "internal/engine"},
	{"internal/engine/enginetest", "internal/engine internal/golden"},
	{"internal/engine", ""},
	{"internal/tokenizer", "internal/tokenizer"},
	{"internal/hub/fakehub", "internal/golden internal/hub"},
	{"internal/tool", "dataset filter clip diffusion lora grid examples internal"},
	{"", ""},
}

// home lists the folders that may import a foreign module, "*" for all internal
// ones. Modules that are not listed are the business of whoever imports them.
var home = map[string]string{
	"gorgonia.org/cu":                   "internal/engine/cuda",
	"gorgonia.org/gorgonia":             "internal/graph internal/train",
	"github.com/chewxy/hm":              "internal/graph internal/train",
	"gorgonia.org/tensor":               "internal lora clip",
	"github.com/nlpodyssey/safetensors": "internal/weights",
	"golang.org/x/image":                "internal/imageio grid",
	"github.com/gen2brain/jpegn":        "internal/imageio",
	"github.com/parquet-go/parquet-go":  "dataset",
	"github.com/schollz/progressbar/v3": "examples",
	"gonum.org/v1/plot":                 "examples",
	"github.com/apache/arrow-go/v18":    "dataset/arrow",
	"github.com/apache/beam/sdks/v2":    "filter/beam",
	"go.yaml.in/yaml/v4":                "filter lora dataset",
	"github.com/dlclark/regexp2":        "filter internal/tokenizer",
}

// TestImports walks every module of the checkout.
func TestImports(t *testing.T) {
	for _, dir := range modules(t) {
		for _, p := range packages(t, dir) {
			checkPackage(t, p)
		}
	}
}

type pkg struct {
	ImportPath, Doc, Name string
	Imports               []string
}

func checkPackage(t *testing.T, p pkg) {
	from := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
	if p.Doc == "" {
		t.Errorf("%s has no package comment", p.ImportPath)
	}
	for _, imp := range p.Imports {
		if to, ours := strings.CutPrefix(imp, module+"/"); ours && !allowed(from, to) {
			t.Errorf("%s imports %s: no arrow leads there", from, to)
		}
		for mod, only := range home {
			if within(imp, mod) && !slices.ContainsFunc(strings.Fields(only), func(f string) bool { return within(from, f) }) {
				t.Errorf("%s imports %s, whose home is %s", from, imp, only)
			}
		}
	}
}

func allowed(from, to string) bool {
	if to == "internal/fault" || within(to, from) {
		return true
	}
	for _, r := range may {
		if within(from, r.from) {
			return slices.ContainsFunc(strings.Fields(r.to), func(f string) bool { return within(to, f) })
		}
	}
	return false
}

// within reports whether folder is dir or below it.
func within(folder, dir string) bool {
	return dir == "" || folder == dir || strings.HasPrefix(folder, dir+"/")
}

// modules returns the folders with a go.mod that holds Go code.
func modules(t *testing.T) []string {
	var dirs []string
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == ".git"):
			return fs.SkipDir
		case d.Name() == "go.mod":
			dirs = append(dirs, path.Dir(filepath.ToSlash(name)))
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) || len(dirs) == 0 {
		t.Fatal("no go.mod above")
	}
	return dirs
}

func packages(t *testing.T, dir string) []pkg {
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,Doc,Name", "./...")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list in %s: %v", dir, err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Name != "" {
			all = append(all, p)
		}
	}
}
