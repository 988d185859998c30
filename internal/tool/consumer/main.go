// Command consumer proves that another module can use easel: it builds the module's
// zip as a proxy would serve it, checks what is and is not in it, serves it from a
// folder, and builds, runs and tests a program elsewhere that requires it.
//
//	go run ./internal/tool/consumer [-race]
package main

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

const (
	modulePath = "github.com/easel-go/easel"
	version    = "v0.0.0-consumer"
	maxZip     = 64 << 20
)

// program is what a stranger writes: it paints with the embedded checkpoint.
//
//go:embed testdata/main.go.txt
var program []byte

// programTest is the stranger's own test.
//
//go:embed testdata/main_test.go.txt
var programTest []byte

func main() {
	race := flag.Bool("race", false, "run the consumer's test under the race detector; needs a C compiler")
	flag.Parse()
	if err := run(*race); err != nil {
		fmt.Fprintln(os.Stderr, "consumer:", err)
		os.Exit(1)
	}
}

func run(race bool) error {
	root, err := os.MkdirTemp("", "easel-consumer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	proxy := filepath.Join(root, "proxy")
	if err := serve(proxy); err != nil {
		return err
	}
	work := filepath.Join(root, "work")
	if err := write(work); err != nil {
		return err
	}
	env := append(os.Environ(), "GOPROXY=file://"+filepath.ToSlash(proxy)+","+goenv("GOPROXY"), "GONOSUMDB="+modulePath, "GONOSUMCHECK=1",
		"GOFLAGS=-mod=mod", "GOWORK=off")
	test := []string{"test", "./..."}
	if race {
		test = []string{"test", "-race", "./..."}
	}
	for _, args := range [][]string{{"get", modulePath + "@" + version}, {"run", "."}, test} {
		if err := goCommand(work, env, args...); err != nil {
			return err
		}
	}
	return nil
}

func goenv(name string) string {
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		return "off"
	}
	return strings.TrimSpace(string(out))
}

func goCommand(dir string, env []string, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// serve writes the module's files as a proxy of the file system has them.
func serve(proxy string) error {
	dir := filepath.Join(proxy, filepath.FromSlash(modulePath), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := modzip.CreateFromDir(&b, module.Version{Path: modulePath, Version: version}, "."); err != nil {
		return err
	}
	if err := inspect(b.Bytes()); err != nil {
		return err
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		version + ".zip": b.Bytes(), version + ".mod": mod, "list": []byte(version + "\n"),
		version + ".info": fmt.Appendf(nil, "{\"Version\":%q}\n", version),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("module zip: %.1f MB\n", float64(b.Len())/1e6)
	return nil
}

// inspect checks the zip's size, and that the reference cases are not in it while the
// tiny checkpoint is.
func inspect(b []byte) error {
	if len(b) > maxZip {
		return fmt.Errorf("module zip of %d bytes, want at most %d", len(b), maxZip)
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return err
	}
	tiny := false
	for _, f := range z.File {
		if strings.Contains(f.Name, "internal/golden/testdata/") {
			return fmt.Errorf("module zip holds %s", f.Name)
		}
		tiny = tiny || strings.HasSuffix(f.Name, "examples/tiny/kolors/model_index.json")
	}
	if !tiny {
		return fmt.Errorf("module zip lacks the tiny checkpoint")
	}
	return nil
}

func write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"go.mod": []byte("module example.com/consumer\n\ngo 1.26.0\n"), "main.go": program, "main_test.go": programTest,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
