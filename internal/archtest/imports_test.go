package archtest

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport is the house, floor by floor from the ground: for each package
// the packages of this module that it may import. Imports run downwards only.
// A package that is missing here is a violation, so a new one has to be given
// its floor.
var mayImport = map[string][]string{
	"internal/instant": {},
	"internal/ranges":  {},
	"internal/rate":    {},
	"internal/parity":  {},
	"internal/prefix":  {},

	"internal/wire":       {"internal/ranges"},
	"internal/congestion": {"internal/instant"},
	"internal/link":       {"internal/instant", "internal/rate"},

	"internal/seal":     {"internal/wire", "internal/instant"},
	"internal/recovery": {"internal/congestion", "internal/wire", "internal/ranges", "internal/instant"},
	"internal/xfer":     {"internal/wire", "internal/ranges", "internal/instant"},

	"internal/core": {
		"internal/recovery", "internal/congestion", "internal/seal",
		"internal/wire", "internal/ranges", "internal/instant", "internal/parity",
	},

	"internal/udp":      {"internal/instant"},
	"internal/tcp":      {},
	"internal/store":    {},
	"internal/identity": {},

	"internal/sim": {
		"internal/core", "internal/recovery", "internal/congestion", "internal/seal",
		"internal/wire", "internal/ranges", "internal/instant", "internal/link",
	},
	"internal/rival": {"internal/sim", "internal/instant"},
	"internal/matrix": {
		"internal/sim", "internal/rival", "internal/core", "internal/link", "internal/rate", "internal/instant",
	},
	"internal/matrix/report": {"internal/matrix"},
	"internal/plot":          {},
	"internal/trace":         {},

	"internal/tun":  {},
	"internal/pcap": {},
	"internal/medium": {
		"internal/link", "internal/tun", "internal/pcap", "internal/trace", "internal/udp", "internal/instant",
	},

	"transport": {
		"internal/core", "internal/recovery", "internal/congestion", "internal/seal",
		"internal/wire", "internal/ranges", "internal/instant",
		"internal/udp", "internal/tcp", "internal/link", "internal/rate", "internal/identity", "internal/prefix",
	},
	"internal/web": {"transfer", "internal/store", "internal/prefix"},
	"transfer": {
		"transport", "internal/xfer", "internal/store",
		"internal/instant", "internal/rate", "internal/ranges",
	},

	"internal/cli/term":    {"internal/rate"},
	"internal/cli/exit":    {},
	"internal/cli/outcome": {"transfer", "internal/cli/exit"},
	"internal/cli/trust":   {"internal/identity"},

	"internal/cli/processors": {},

	"internal/cli/tracefile": {"transport", "internal/trace"},

	"internal/doctor": {
		"transport", "internal/udp", "internal/seal", "internal/wire", "internal/xfer",
		"internal/identity", "internal/cli/term",
	},
	"internal/cli/uft": {
		"transfer", "transport", "internal/store", "internal/identity", "internal/web", "internal/doctor",
		"internal/rate", "internal/link", "internal/sim", "internal/matrix", "internal/plot", "internal/trace",
		"internal/core", "internal/instant", "internal/cli/term", "internal/cli/exit", "internal/cli/outcome", "internal/cli/trust",
		"internal/cli/tracefile",
	},
	"internal/cli/duplex": {
		"transfer", "transport", "internal/store", "internal/identity",
		"internal/rate", "internal/link", "internal/trace",
		"internal/cli/term", "internal/cli/exit", "internal/cli/outcome", "internal/cli/tracefile",
	},
	"internal/cli/chat": {"transport", "internal/identity", "internal/cli/term", "internal/cli/exit", "internal/cli/trust"},
	"internal/cli/medium": {
		"internal/medium", "internal/link", "internal/tun", "internal/pcap", "internal/trace", "internal/rate", "internal/cli/term",
	},

	"cmd/uft":     {"internal/cli/uft", "internal/cli/processors"},
	"cmd/client":  {"internal/cli/duplex", "internal/cli/processors"},
	"cmd/serveur": {"internal/cli/duplex", "internal/cli/processors"},
	"cmd/chat":    {"internal/cli/chat"},
	"cmd/medium":  {"internal/cli/medium"},

	"examples/echo":     {"transport"},
	"examples/filecopy": {"transport"},
	"examples/rpc":      {"transport"},

	"bench": {"internal/udp", "internal/seal", "internal/link", "internal/rate"},

	"internal/archtest":  {},
	"internal/leaktest":  {},
	"internal/alloctest": {},

	"internal/cli/consoletest": {},

	"internal/e2e": {},
}

// testMayImport is what the tests of a package may import besides the package
// itself and everything below it: the simulator and the bad network serve the
// floors above and below them.
var testMayImport = map[string][]string{
	"internal/ranges":     {"internal/alloctest"},
	"internal/link":       {"internal/alloctest"},
	"internal/store":      {"internal/alloctest"},
	"internal/core":       {"internal/sim", "internal/link", "internal/alloctest"},
	"internal/recovery":   {"internal/sim", "internal/link"},
	"internal/congestion": {"internal/sim", "internal/link", "internal/recovery", "internal/ranges", "internal/alloctest"},
	"internal/xfer":       {"internal/sim", "internal/link", "internal/alloctest"},
	"internal/sim":        {"internal/xfer"},
	"transport":           {"internal/leaktest", "internal/alloctest", "internal/sim", "internal/medium"},
	"transfer":            {"internal/leaktest", "internal/sim", "internal/medium", "internal/link"},
	"internal/web":        {"internal/leaktest"},
	"internal/cli/uft":    {"internal/cli/medium", "internal/cli/consoletest"},
	"internal/cli/duplex": {"internal/leaktest", "internal/cli/consoletest", "internal/cli/medium", "internal/cli/uft"},
	"internal/cli/chat":   {"internal/leaktest", "internal/cli/consoletest"},
	"internal/e2e":        {"internal/medium", "internal/link"},
}

// below returns every package that pkg may import, directly or through
// another.
func below(pkg string) []string {
	var all []string
	for _, p := range mayImport[pkg] {
		all = append(all, p)
		all = append(all, below(p)...)
	}
	return all
}

// importDirection is the rule that imports run downwards only.
func importDirection(s source) []string {
	pkg := s.pkg()
	allowed, known := mayImport[pkg]
	if !known {
		return []string{s.at(s.file.Package, "package %s has no floor: add it to the table mayImport in internal/archtest", pkg)}
	}
	if s.isTest() {
		allowed = slices.Concat(below(pkg), testMayImport[pkg], []string{pkg})
	}
	var violations []string
	for _, spec := range s.file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		target, ours := strings.CutPrefix(imported, modulePath+"/")
		if ours && !slices.Contains(allowed, target) {
			violations = append(violations, s.at(spec.Pos(), "%s must not import %s: imports run downwards only (table mayImport in internal/archtest)", pkg, target))
		}
	}
	return violations
}

func TestImportsRunDownwards(t *testing.T) { hold(t, importDirection) }

// TestTableHasNoCycle keeps the table itself a house: no package may import,
// through others, itself.
func TestTableHasNoCycle(t *testing.T) {
	const (
		unseen = iota
		open
		done
	)
	state := map[string]int{}
	var visit func(pkg string)
	visit = func(pkg string) {
		if state[pkg] == open {
			t.Fatalf("the table lets %s import itself", pkg)
		}
		if state[pkg] == done {
			return
		}
		state[pkg] = open
		for _, p := range mayImport[pkg] {
			if _, known := mayImport[p]; !known {
				t.Errorf("the table lets %s import %s, which has no floor", pkg, p)
			}
			visit(p)
		}
		state[pkg] = done
	}
	for pkg := range mayImport {
		visit(pkg)
	}
}

func TestImportDirectionFindsViolations(t *testing.T) {
	try(t, importDirection, []ruleCase{
		{
			name: "downwards", path: "internal/core/conn.go",
			text: `package core; import ("time"; "example.com/uft/internal/wire"; "github.com/zeebo/blake3")`,
		},
		{
			name: "upwards", path: "internal/wire/frame.go",
			text: `package wire; import "example.com/uft/internal/core"`,
			want: []string{"internal/wire/frame.go:1: internal/wire must not import internal/core"},
		},
		{
			name: "under another name", path: "internal/ranges/ranges.go",
			text: "package ranges\nimport (\n\tc \"example.com/uft/internal/core\"\n\t_ \"example.com/uft/transport\"\n)",
			want: []string{"ranges.go:3: internal/ranges must not import internal/core", "ranges.go:4:"},
		},
		{
			name: "a program beside its floor", path: "cmd/uft/main.go",
			text: `package main; import "example.com/uft/transfer"`,
			want: []string{"cmd/uft must not import transfer"},
		},
		{
			name: "no floor", path: "internal/helpers/helpers.go",
			text: `package helpers`,
			want: []string{"package internal/helpers has no floor: add it to the table"},
		},
		{
			name: "the simulator in a test", path: "internal/core/conn_test.go",
			text: `package core_test; import ("example.com/uft/internal/core"; "example.com/uft/internal/sim")`,
		},
		{
			name: "the simulator outside tests", path: "internal/core/conn.go",
			text: `package core; import "example.com/uft/internal/sim"`,
			want: []string{"internal/core must not import internal/sim"},
		},
		{
			name: "upwards in a test", path: "internal/wire/frame_test.go",
			text: `package wire; import "example.com/uft/transfer"`,
			want: []string{"internal/wire must not import transfer"},
		},
	})
}
