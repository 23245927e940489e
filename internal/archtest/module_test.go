package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const (
	// modulePath is the name of the module; the rest of an import path below
	// it is the folder of the package.
	modulePath = "example.com/uft"

	// moduleRoot is the folder of go.mod, seen from this package.
	moduleRoot = "../.."
)

// A source is one parsed Go file of the module.
type source struct {
	path string // slash-separated, from the root of the module
	text []byte
	fset *token.FileSet
	file *ast.File
}

// pkg returns the folder of the file, which is its import path below the
// module. The external test package of a folder counts as the folder.
func (s source) pkg() string { return path.Dir(s.path) }

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// at formats a violation at a position in the file.
func (s source) at(pos token.Pos, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", s.path, s.fset.Position(pos).Line, fmt.Sprintf(format, args...))
}

// parse returns text as the source file at name.
func parse(t *testing.T, name, text string) source {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{path: name, text: []byte(text), fset: fset, file: file}
}

// walkModule calls visit with every regular file of the repository, named
// from the root of the module. What git and the build leave there is skipped.
func walkModule(t *testing.T, visit func(name string, text []byte)) {
	t.Helper()
	root := os.DirFS(moduleRoot)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == ".git" || name == "bin"):
			return fs.SkipDir
		case !d.Type().IsRegular(), name == ".git": // in a further worktree it is a file
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		visit(name, text)
		return nil
	})
	if err != nil {
		t.Fatalf("reading the module at %s: %v", filepath.FromSlash(moduleRoot), err)
	}
}

// moduleSources returns every Go file of the module, for every platform.
func moduleSources(t *testing.T) []source {
	t.Helper()
	var sources []source
	walkModule(t, func(name string, text []byte) {
		if path.Ext(name) == ".go" && !strings.Contains(name, "testdata/") {
			sources = append(sources, parse(t, name, string(text)))
		}
	})
	if len(sources) == 0 {
		t.Fatal("no Go file found: the rules were tried on nothing")
	}
	return sources
}

// A rule returns one line for each place where a source breaks it.
type rule func(source) []string

// hold reports every violation of check in the module.
func hold(t *testing.T, check rule) {
	t.Helper()
	for _, s := range moduleSources(t) {
		for _, violation := range check(s) {
			t.Error(violation)
		}
	}
}

// A ruleCase is one source and the violations that a rule must find in it: a
// part of each line, in order.
type ruleCase struct {
	name string
	path string
	text string
	want []string
}

// try runs check on sources that break it and sources that do not.
func try(t *testing.T, check rule, cases []ruleCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			expect(t, check(parse(t, c.path, c.text)), c.want)
		})
	}
}

// expect compares violations with the parts that they must contain.
func expect(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d violations, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range got {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("violation %d is %q, want one containing %q", i, got[i], want[i])
		}
	}
}
