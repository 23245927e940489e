package archtest

import (
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// purePackages decide everything from their arguments: the time, the
// randomness and the datagrams come in as values, so that the same inputs give
// the same outputs and a failing run replays.
var purePackages = []string{
	"internal/core", "internal/xfer", "internal/recovery", "internal/congestion",
	"internal/wire", "internal/ranges", "internal/instant", "internal/link", "internal/rate", "internal/parity", "internal/prefix",
	"internal/rival", "internal/matrix",
}

var (
	// impureImports reach outside the arguments, with every package below
	// them; net/netip is only a type for addresses.
	impureImports = []string{"net", "os", "sync", "syscall", "math/rand", "crypto/rand", "log"}
	pureImports   = []string{"net/netip", "math/rand/v2"}

	// clock are the functions of package time that read the clock or wait.
	clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

	// seeded are the names of math/rand/v2 that do not draw from the global
	// source.
	seeded = []string{"New", "NewPCG", "NewChaCha8", "NewZipf", "Rand", "PCG", "ChaCha8", "Zipf", "Source"}
)

// purity is the rule for the pure packages. Their tests are free.
func purity(s source) []string {
	if s.isTest() || !slices.Contains(purePackages, s.pkg()) {
		return nil
	}
	violations, names := impureImportsOf(s)
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			violations = append(violations, s.at(n.Pos(), "a pure package starts no goroutine"))
		case *ast.SelectorExpr:
			id, ok := n.X.(*ast.Ident)
			if !ok {
				return true
			}
			switch names[id.Name] {
			case "time":
				if slices.Contains(clock, n.Sel.Name) {
					violations = append(violations, s.at(n.Pos(), "a pure package has no clock: time.%s; the time is an argument", n.Sel.Name))
				}
			case "math/rand/v2":
				if !slices.Contains(seeded, n.Sel.Name) {
					violations = append(violations, s.at(n.Pos(), "a pure package draws from a source it was given, not from rand.%s", n.Sel.Name))
				}
			}
		}
		return true
	})
	return violations
}

// impureImportsOf returns the imports of s that a pure package must not have,
// and the import path behind each package name of the file.
func impureImportsOf(s source) (violations []string, names map[string]string) {
	names = map[string]string{}
	for _, spec := range s.file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if isImpure(imported) {
			violations = append(violations, s.at(spec.Pos(), "a pure package does not import %s", imported))
		}
		name := path.Base(imported)
		if imported == "math/rand/v2" {
			name = "rand"
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if name == "." {
			violations = append(violations, s.at(spec.Pos(), "a dot import hides what the package uses"))
		}
		names[name] = imported
	}
	return violations, names
}

func isImpure(imported string) bool {
	if slices.Contains(pureImports, imported) {
		return false
	}
	return slices.ContainsFunc(impureImports, func(p string) bool {
		return imported == p || strings.HasPrefix(imported, p+"/")
	})
}

func TestPurePackagesArePure(t *testing.T) { hold(t, purity) }

func TestPurityFindsViolations(t *testing.T) {
	inCore := func(name, text string, want ...string) ruleCase {
		return ruleCase{name: name, path: "internal/core/conn.go", text: text, want: want}
	}
	try(t, purity, []ruleCase{
		inCore("pure", `package core
import ("time"; "net/netip"; "math/rand/v2"; "errors")
const d = 3 * time.Second
func draw(r *rand.Rand, a netip.Addr) uint64 { return rand.New(rand.NewPCG(1, 2)).Uint64() + r.Uint64() }
var err = errors.New("x")`),
		inCore("goroutine", "package core\nfunc f() {\n\tgo f()\n}", "conn.go:3: a pure package starts no goroutine"),
		inCore("clock", "package core\nimport \"time\"\nvar t = time.Now()\nvar f = time.Sleep", "time.Now", "time.Sleep"),
		inCore("clock under another name", "package core\nimport clock \"time\"\nvar c = clock.NewTicker(1)", "time.NewTicker"),
		inCore("dot import", "package core\nimport . \"time\"\nvar t = Now()", "conn.go:2: a dot import"),
		inCore("global randomness", "package core\nimport \"math/rand/v2\"\nvar n = rand.IntN(6)", "rand.IntN"),
		inCore(
			"impure imports",
			"package core\nimport (\n\"net\"\n\"os\"\n\"os/signal\"\n\"sync\"\n\"sync/atomic\"\n\"syscall\"\n\"math/rand\"\n\"crypto/rand\"\n\"log\"\n)",
			"import net", "import os", "import os/signal", "import sync", "import sync/atomic",
			"import syscall", "import math/rand", "import crypto/rand", "import log",
		),
		{name: "a shell", path: "transport/conn.go", text: "package transport\nimport \"net\"\nfunc f() { go f() }"},
		{name: "a test", path: "internal/core/conn_test.go", text: "package core\nimport \"os\"\nfunc f() { go f() }"},
	})
}
