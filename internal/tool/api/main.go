// Command api lists the exported API of the public packages, one declaration a line,
// so that a change of it is seen in review.
//
//	go run ./internal/tool/api            # compare with api.txt; exit 1 and tell if it changed
//	go run ./internal/tool/api -update    # write api.txt
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// public are the packages that other programs import.
var public = []string{"dataset", "filter", "clip", "diffusion", "lora", "grid", "examples/tiny"}

func main() {
	update := flag.Bool("update", false, "write api.txt")
	flag.Parse()
	if err := run(*update); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

func run(update bool) error {
	var lines []string
	for _, dir := range public {
		l, err := declarations(dir)
		if err != nil {
			return err
		}
		lines = append(lines, l...)
	}
	have := strings.Join(lines, "\n") + "\n"
	if update {
		return os.WriteFile("api.txt", []byte(have), 0o644)
	}
	want, err := os.ReadFile("api.txt")
	if err != nil {
		return err
	}
	return compare(strings.Split(string(want), "\n"), strings.Split(have, "\n"))
}

// compare tells which lines came and which went.
func compare(want, have []string) error {
	var b strings.Builder
	for _, l := range want {
		if !slices.Contains(have, l) {
			fmt.Fprintln(&b, "-", l)
		}
	}
	for _, l := range have {
		if !slices.Contains(want, l) {
			fmt.Fprintln(&b, "+", l)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return fmt.Errorf("the exported API is not api.txt's; if that is meant, run with -update\n%s", b.String())
}

// declarations returns the exported declarations of a package, sorted.
func declarations(dir string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, &fs.PathError{Op: "list", Path: dir, Err: fs.ErrNotExist}
	}
	var lines []string
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.FileExports(f)
		for _, d := range f.Decls {
			for _, l := range describe(d) {
				lines = append(lines, filepath.ToSlash(dir)+": "+l)
			}
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines), nil
}

// describe returns a line for each name that a declaration declares.
func describe(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil && !receiverExported(d.Recv) {
			return nil
		}
		d.Body, d.Doc = nil, nil
		return []string{print(d)}
	case *ast.GenDecl:
		var lines []string
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				s.Doc, s.Comment = nil, nil
				lines = append(lines, "type "+print(s))
			case *ast.ValueSpec:
				s.Doc, s.Comment = nil, nil
				lines = append(lines, d.Tok.String()+" "+print(s))
			}
		}
		return lines
	}
	return nil
}

func receiverExported(r *ast.FieldList) bool {
	t := r.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if index, ok := t.(*ast.IndexExpr); ok {
		t = index.X
	}
	id, ok := t.(*ast.Ident)
	return ok && id.IsExported()
}

// print spells a node on one line, without comments.
func print(n ast.Node) string {
	ast.Inspect(n, func(n ast.Node) bool {
		if f, ok := n.(*ast.Field); ok {
			f.Doc, f.Comment = nil, nil
		}
		return true
	})
	var b bytes.Buffer
	if err := printer.Fprint(&b, token.NewFileSet(), n); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
