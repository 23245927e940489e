package exit

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestReadmeListsTheCodes: the table of the README is this one, no more and no
// less.
func TestReadmeListsTheCodes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| exit code |")
	table, _, _ = strings.Cut(table, "\n\n")
	var got []int
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \| `).FindAllStringSubmatch(table, -1) {
		code, _ := strconv.Atoi(row[1])
		got = append(got, code)
	}
	want := []int{Done, Other, Usage, Source, Refused, Unreachable, Integrity, Destination, Unknown, Identity, Interrupted}
	if !slices.Equal(got, want) {
		t.Errorf("the README has the codes %v, want %v", got, want)
	}
}
