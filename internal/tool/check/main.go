// Command check runs every check a change must pass: formatting, requirements, vet,
// staticcheck, cross-builds, generated files, the nested modules and the list of the
// exported API.
//
//	go run ./internal/tool/check [-only name,…] [-list]
//
// It runs all of them, prints what each says, and exits with 1 if one failed.
package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// staticcheck is pinned, so that a new release does not break an old commit.
const staticcheck = "honnef.co/go/tools/cmd/staticcheck@v0.8.2"

// check is a named check; run prints nothing when all is well.
type check struct {
	name string
	run  func() error
}

var checks = []check{
	{"gofmt", gofmt},
	{"tidy", func() error { return command("", nil, "go", "mod", "tidy", "-diff") }},
	{"vet", func() error { return command("", nil, "go", "vet", "./...") }},
	{"staticcheck", func() error { return command("", nil, "go", "run", staticcheck, "./...") }},
	{"cross", cross},
	{"generated", generated},
	{"nested", nested},
	{"api", func() error { return command("", nil, "go", "run", "./internal/tool/api") }},
}

func main() {
	only := flag.String("only", "", "comma-separated names of the checks to run")
	list := flag.Bool("list", false, "print the names of the checks and exit")
	flag.Parse()
	failed := 0
	for _, c := range checks {
		if *list {
			fmt.Println(c.name)
			continue
		}
		if *only != "" && !slices.Contains(strings.Split(*only, ","), c.name) {
			continue
		}
		start := time.Now()
		err := c.run()
		fmt.Printf("%-12s %6.1fs  ", c.name, time.Since(start).Seconds())
		if err != nil {
			failed++
			fmt.Printf("FAILED\n%v\n", err)
			continue
		}
		fmt.Println("ok")
	}
	if failed > 0 {
		os.Exit(1)
	}
}

// command runs a program in dir and makes its output the error.
func command(dir string, env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

func gofmt() error {
	out, err := exec.Command("gofmt", "-l", ".").CombinedOutput()
	if err == nil && len(out) > 0 {
		err = fmt.Errorf("not formatted:\n%s", out)
	}
	return err
}

// cross builds every package for every supported platform, without cgo.
func cross() error {
	for _, goos := range []string{"linux", "darwin", "windows"} {
		for _, arch := range []string{"amd64", "arm64"} {
			env := []string{"GOOS=" + goos, "GOARCH=" + arch, "CGO_ENABLED=0"}
			if err := command("", env, "go", "build", "./..."); err != nil {
				return fmt.Errorf("%s/%s: %w", goos, arch, err)
			}
		}
	}
	return command("", nil, "go", "build", "-tags", "purego", "./...")
}

// generated makes the generated files again and compares.
func generated() error {
	gen := filepath.FromSlash("internal/asm/_gen")
	if _, err := os.Stat(gen); err != nil {
		return nil
	}
	if err := command(gen, nil, "go", "run", "."); err != nil {
		return err
	}
	return command("", nil, "git", "diff", "--exit-code", "--stat", "--", "internal/asm")
}

// nested vets the modules inside the module.
func nested() error {
	return filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == ".git"):
			return fs.SkipDir
		case d.Name() != "go.mod" || name == "go.mod":
			return nil
		}
		return command(filepath.Dir(name), nil, "go", "vet", "./...")
	})
}
