package archtest

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// publicPackages are what other modules import; what they show has to be
// something that other modules may name.
var publicPackages = []string{"transport", "transfer"}

// surface walks all that a package shows to others.
type surface struct {
	pkg        *types.Package
	seen       map[types.Type]bool
	violations []string
}

// internalInSurface is the rule that a public package exports no internal
// type of this module: not in a signature, a field, a variable, an alias or
// the methods of an unexported type that an exported one leads to.
func internalInSurface(pkg *types.Package) []string {
	s := surface{pkg: pkg, seen: map[types.Type]bool{}}
	scope := pkg.Scope()
	for _, name := range scope.Names() {
		if object := scope.Lookup(name); object.Exported() {
			s.walk(name, object.Type())
		}
	}
	return s.violations
}

// walk visits what a user of the package can reach from t; where names the
// way there.
func (s *surface) walk(where string, t types.Type) {
	if s.seen[t] {
		return
	}
	switch t := t.(type) {
	case *types.Alias:
		s.walk(where, types.Unalias(t))
		return
	case *types.Named:
		s.named(where, t)
		return
	}
	s.seen[t] = true
	switch t := t.(type) {
	case *types.Pointer:
		s.walk(where, t.Elem())
	case *types.Slice:
		s.walk(where, t.Elem())
	case *types.Array:
		s.walk(where, t.Elem())
	case *types.Chan:
		s.walk(where, t.Elem())
	case *types.Map:
		s.walk(where, t.Key())
		s.walk(where, t.Elem())
	case *types.Signature:
		s.walk(where, t.Params())
		s.walk(where, t.Results())
	case *types.Tuple:
		for v := range t.Variables() {
			s.walk(where, v.Type())
		}
	case *types.Struct:
		for f := range t.Fields() {
			if f.Exported() {
				s.walk(where+"."+f.Name(), f.Type())
			}
		}
	case *types.Interface:
		for m := range t.Methods() {
			if m.Exported() {
				s.walk(where+"."+m.Name(), m.Type())
			}
		}
		for embedded := range t.EmbeddedTypes() {
			s.walk(where, embedded)
		}
	case *types.Union:
		for term := range t.Terms() {
			s.walk(where, term.Type())
		}
	case *types.TypeParam:
		s.walk(where, t.Constraint())
	}
}

// named visits a defined type. Types of other packages are leaves: an internal
// one of this module is a violation, named once for each way that leads to it.
func (s *surface) named(where string, t *types.Named) {
	home := t.Obj().Pkg()
	if home == nil || home.Path() != s.pkg.Path() {
		for argument := range t.TypeArgs().Types() {
			s.walk(where, argument)
		}
		if home != nil && strings.HasPrefix(home.Path(), modulePath+"/internal/") {
			s.violations = append(s.violations, fmt.Sprintf("%s: %s shows the internal type %s.%s", s.pkg.Path(), where, home.Path(), t.Obj().Name()))
		}
		return
	}
	s.seen[t] = true
	for m := range t.Methods() {
		if m.Exported() {
			s.walk(t.Obj().Name()+"."+m.Name(), m.Type())
		}
	}
	s.walk(where, t.Underlying())
}

func TestPublicPackagesExportNoInternalType(t *testing.T) {
	var patterns []string
	for _, pkg := range publicPackages {
		if sources, _ := filepath.Glob(filepath.Join(moduleRoot, pkg, "*.go")); len(sources) > 0 {
			patterns = append(patterns, modulePath+"/"+pkg)
		}
	}
	if len(patterns) == 0 {
		t.Skip("none of the public packages is there")
	}
	imports := exportData(t, patterns)
	for _, pattern := range patterns {
		pkg, err := imports.Import(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, violation := range internalInSurface(pkg) {
			t.Error(violation)
		}
	}
}

// exportData returns an importer for the packages and what they import, from
// what the compiler left in the build cache.
func exportData(t *testing.T, patterns []string) types.Importer {
	t.Helper()
	args := append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, patterns...)
	list := exec.CommandContext(t.Context(), "go", args...)
	list.Dir, list.Stderr = moduleRoot, os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		pkg, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[pkg] = file
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(pkg string) (io.ReadCloser, error) {
		return os.Open(files[pkg])
	})
}

// A universe is the packages that a test source may import.
type universe map[string]*types.Package

func (u universe) Import(name string) (*types.Package, error) {
	if pkg := u[name]; pkg != nil {
		return pkg, nil
	}
	return nil, fmt.Errorf("no package %s", name)
}

// check type-checks one source as the package at name.
func (u universe) check(t *testing.T, name, text string) *types.Package {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name+".go", text, 0)
	if err != nil {
		t.Fatal(err)
	}
	config := types.Config{Importer: u}
	pkg, err := config.Check(name, fset, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func TestInternalInSurfaceFindsViolations(t *testing.T) {
	u := universe{}
	const core = modulePath + "/internal/core"
	u[core] = u.check(t, core, `package core
		type Conn struct{ N int }
		func (*Conn) Close() {}
		type List[T any] []T`)
	u["io"] = u.check(t, "io", "package io; type Reader interface{ Read([]byte) (int, error) }")

	cases := []struct {
		name, text string
		want       []string
	}{
		{"hidden", `type Conn struct{ c *core.Conn; r io.Reader }; func (c *Conn) inner() *core.Conn { return c.c }`, nil},
		{"argument", `func Wrap(c *core.Conn) {}`, []string{"Wrap shows the internal type " + core + ".Conn"}},
		{"result", `func Open() ([]core.Conn, error) { return nil, nil }`, []string{"Open shows"}},
		{"field", `type Conn struct{ Inner map[string]chan core.Conn }`, []string{"Conn.Inner shows"}},
		{"embedded field", `type Conn struct{ *core.Conn }`, []string{"Conn.Conn shows"}},
		{"method", `type Conn struct{}; func (*Conn) Inner() *core.Conn { return nil }`, []string{"Conn.Inner shows"}},
		{"alias", `type Conn = core.Conn`, []string{"Conn shows"}},
		{"variable", `var Default = &core.Conn{}`, []string{"Default shows"}},
		{"interface", `type Source interface{ io.Reader; Next() core.Conn }`, []string{"Source.Next shows"}},
		{"function field", `type Config struct{ Accept func(core.Conn) bool }`, []string{"Config.Accept shows"}},
		{"unexported on the way", `type inner struct{}; func (inner) Conn() *core.Conn { return nil }; func Open() inner { return inner{} }`, []string{"inner.Conn shows"}},
		{"type argument", `func Strings() core.List[string] { return nil }; type T[E any] []E; var All T[core.Conn]`, []string{"All shows", "Strings shows"}},
		{"itself", `type Node struct{ Next *Node; Inner core.Conn }`, []string{"Node.Inner shows"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text := "package transport; import (\"io\"; \"" + core + "\"); var _ io.Reader; var _ core.Conn; " + c.text
			got := internalInSurface(u.check(t, modulePath+"/transport", text))
			slices.Sort(got)
			expect(t, got, c.want)
		})
	}
}
