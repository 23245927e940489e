package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"path"
	"strings"
	"testing"
)

const (
	maxFileLines     = 500
	maxFunctionLines = 80 // from the word func to the closing brace; tests are free
	maxMainLines     = 25 // cmd/*/main.go
)

// size is the rule that a file is a chapter and a function fits a screen.
func size(s source) []string {
	var violations []string
	limit := maxFileLines
	if isMain, _ := path.Match("cmd/*/main.go", s.path); isMain {
		limit = maxMainLines
	}
	if lines := bytes.Count(s.text, []byte("\n")); lines > limit {
		violations = append(violations, s.at(s.file.Package, "the file has %d lines, more than %d", lines, limit))
	}
	if s.isTest() {
		return violations
	}
	for _, decl := range s.file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		lines := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1
		if lines > maxFunctionLines {
			violations = append(violations, s.at(f.Pos(), "function %s has %d lines, more than %d", f.Name.Name, lines, maxFunctionLines))
		}
	}
	return violations
}

func TestFilesAndFunctionsAreShort(t *testing.T) { hold(t, size) }

func TestSizeFindsViolations(t *testing.T) {
	function := func(lines int) string {
		return "func f() {\n" + strings.Repeat("\t_ = 1\n", lines-2) + "}\n"
	}
	// The clause and the empty line after it are two lines of the file.
	file := func(lines int) string { return "package p\n\n" + strings.Repeat("//\n", lines-2) }
	try(t, size, []ruleCase{
		{name: "a full screen", path: "p/p.go", text: "package p\n\n" + function(80)},
		{name: "over a screen", path: "p/p.go", text: "package p\n\n" + function(81), want: []string{"p/p.go:3: function f has 81 lines"}},
		{name: "over a screen in a test", path: "p/p_test.go", text: "package p\n\n" + function(81)},
		{name: "a full file", path: "p/p.go", text: file(500)},
		{name: "a long file", path: "p/p.go", text: file(501), want: []string{"the file has 501 lines"}},
		{name: "a long test", path: "p/p_test.go", text: file(501), want: []string{"the file has 501 lines"}},
		{name: "a full main", path: "cmd/uft/main.go", text: file(25)},
		{name: "a long main", path: "cmd/uft/main.go", text: file(26), want: []string{"the file has 26 lines, more than 25"}},
	})
}

// formatted is the rule that gofmt has nothing to say.
func formatted(s source) []string {
	want, err := format.Source(s.text)
	if err != nil {
		return []string{s.at(s.file.Package, "gofmt: %v", err)}
	}
	if !bytes.Equal(want, s.text) {
		return []string{s.at(s.file.Package, "the file is not gofmt's")}
	}
	return nil
}

func TestFilesAreFormatted(t *testing.T) { hold(t, formatted) }

func TestFormattedFindsViolations(t *testing.T) {
	try(t, formatted, []ruleCase{
		{name: "tidy", path: "p/p.go", text: "package p\n\nvar a, b = 1, 2\n"},
		{name: "untidy", path: "p/p.go", text: "package p\nvar a,b = 1,2\n", want: []string{"not gofmt's"}},
	})
}

// undocumented returns the packages among the sources that no file introduces:
// "Package name ..." for a library, any comment for a program. Packages of
// tests alone need none.
func undocumented(sources []source) []string {
	documented := map[string]bool{}
	var order []string
	for _, s := range sources {
		if s.isTest() {
			continue
		}
		if _, seen := documented[s.pkg()]; !seen {
			documented[s.pkg()] = false
			order = append(order, s.pkg())
		}
		doc, name := s.file.Doc.Text(), s.file.Name.Name
		if doc != "" && (name == "main" || strings.HasPrefix(doc, "Package "+name+" ")) {
			documented[s.pkg()] = true
		}
	}
	var violations []string
	for _, pkg := range order {
		if !documented[pkg] {
			violations = append(violations, pkg+": the package has no package comment")
		}
	}
	return violations
}

func TestPackagesAreDocumented(t *testing.T) {
	for _, violation := range undocumented(moduleSources(t)) {
		t.Error(violation)
	}
}

func TestUndocumentedFindsViolations(t *testing.T) {
	got := undocumented([]source{
		parse(t, "a/a.go", "// Package a is documented.\npackage a"),
		parse(t, "a/b.go", "package a"),
		parse(t, "b/b.go", "package b"),
		parse(t, "b/b_test.go", "// Package b is documented in a test.\npackage b"),
		parse(t, "c/c.go", "// This comment does not introduce the package.\npackage c"),
		parse(t, "d/d.go", "// A comment apart from the clause.\n\npackage d"),
		parse(t, "cmd/x/main.go", "// The program x.\npackage main"),
		parse(t, "e/e_test.go", "package e"),
	})
	expect(t, got, []string{"b: ", "c: ", "d: "})
}

// localPath is a folder of a build machine, which no file of the repository
// may name. It is put together here so that this file does not name it.
const localPath = "/wo" + "rk/"

// namesLocalPath returns one line for each line of the file that names
// localPath.
func namesLocalPath(name string, text []byte) []string {
	var violations []string
	for number, line := range bytes.Split(text, []byte("\n")) {
		if bytes.Contains(line, []byte(localPath)) {
			violations = append(violations, fmt.Sprintf("%s:%d: the line names a folder of one machine", name, number+1))
		}
	}
	return violations
}

func TestNoFileNamesALocalPath(t *testing.T) {
	walkModule(t, func(name string, text []byte) {
		for _, violation := range namesLocalPath(name, text) {
			t.Error(violation)
		}
	})
}

func TestNamesLocalPathFindsViolations(t *testing.T) {
	got := namesLocalPath("README.md", []byte("how it works\ncd "+localPath+"main\n"))
	expect(t, got, []string{"README.md:2: "})
}
