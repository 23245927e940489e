package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var (
	// heading finds the numbered headings of the specification, and the
	// numbered paragraphs of its reasons.
	heading = regexp.MustCompile(`(?m)^(?:#{2,3} |\*\*)(\d+(?:\.\d+)?)[ .]`)
	// citation finds what the code cites: "docs/protocol.md §7.4" or "(§7.4".
	citation = regexp.MustCompile(`(?:protocol\.md |\()§(\d+(?:\.\d+)?)`)
)

// missingSections returns the sections that source cites and that the
// specification does not have.
func missingSections(specification, source string) (missing []string) {
	known := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(specification, -1) {
		known[h[1]] = true
	}
	for _, c := range citation.FindAllStringSubmatch(source, -1) {
		if !known[c[1]] {
			missing = append(missing, c[1])
		}
	}
	return missing
}

func TestCitedSectionsExist(t *testing.T) {
	specification, err := os.ReadFile(filepath.Join(moduleRoot, "docs", "protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range moduleSources(t) {
		if s.pkg() == "internal/archtest" {
			continue // its own cases cite what does not exist
		}
		for _, section := range missingSections(string(specification), string(s.text)) {
			t.Errorf("%s cites docs/protocol.md §%s, which does not exist", s.path, section)
		}
	}
}

func TestMissingSectionsAreFound(t *testing.T) {
	const specification = "## 7 Loss\n\n### 7.1 Spaces\n\n**15.3 No header protection.** Why.\n"
	for _, test := range []struct {
		source string
		want   int
	}{
		{"// (docs/protocol.md §7, §7.1)", 0},
		{"// see docs/protocol.md §7.1 and (§15.3).", 0},
		{"// docs/protocol.md §7.2.", 1},
		{"// bounded (§16); (§7.9)", 2},
	} {
		if got := missingSections(specification, test.source); len(got) != test.want {
			t.Errorf("%q: found %v, want %d", test.source, got, test.want)
		}
	}
}
