package web

import (
	"fmt"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var row = regexp.MustCompile(`<tr><td><a href="([^"]*)"><bdi>([^<]*)</bdi></a></td><td class="number">([^<]*)</td>`)

// TestList: every link of the list leads to the file whose name it shows.
func TestList(t *testing.T) {
	h := open(t, Config{})
	if got := h.get(h.one, "GET", "/"); got.StatusCode != 200 || !strings.Contains(got.body, "There are no files here.") {
		t.Errorf("an empty folder: %s\n%s", got.Status, got.body)
	}
	names := []string{
		"%2f", "<script>\"&.txt", "a b", "a+b", "javascript:alert(1)", "it's", "ordinary", "status", "ünï", "#?x", "?after=x", "…",
	}
	slices.Sort(names)
	for _, name := range names {
		h.write(name, name)
	}
	h.write(".hidden", "x")
	for _, name := range []string{"new\nline", "not\xffutf8", `back\slash`, "dot."} { // none of these may be asked for
		if os.WriteFile(filepath.Join(h.dir, name), nil, 0o600) != nil {
			continue // the system does not like them either
		}
	}
	page := h.get(h.one, "GET", "/")
	if !strings.HasPrefix(page.Header.Get("Content-Security-Policy"), "default-src 'none'; img-src data:; style-src 'sha256-") {
		t.Errorf("policy %q", page.Header.Get("Content-Security-Policy"))
	}
	var got []string
	for _, match := range row.FindAllStringSubmatch(page.body, -1) {
		name := html.UnescapeString(match[2])
		got = append(got, name)
		file := h.get(h.one, "GET", "/"+strings.TrimPrefix(html.UnescapeString(match[1]), "./"))
		if file.StatusCode != 200 || file.body != name || match[3] != fmt.Sprint(len(name)) {
			t.Errorf("the link %s to %q: %s, %q of %s bytes", match[1], name, file.Status, file.body, match[3])
		}
	}
	if !slices.Equal(got, names) {
		t.Errorf("listed %q\nwant %q", got, names)
	}
	if strings.Contains(page.body, "<script") {
		t.Error("a name has become markup")
	}
}

// TestTenThousandFiles are on one page, in order; further ones on the next.
func TestTenThousandFiles(t *testing.T) {
	h := open(t, Config{})
	for i := range listLimit + 3 {
		h.write(fmt.Sprintf("file %05d", i), "")
	}
	page := h.get(h.two, "GET", "/")
	rows := row.FindAllStringSubmatch(page.body, -1)
	if len(rows) != listLimit {
		t.Fatalf("%d rows", len(rows))
	}
	for i, match := range rows {
		if match[2] != fmt.Sprintf("file %05d", i) {
			t.Fatalf("row %d is %q", i, match[2])
		}
	}
	next := regexp.MustCompile(`href="\./(\?after=[^"]*)"`).FindStringSubmatch(page.body)
	if next == nil {
		t.Fatal("no link to the next page")
	}
	rest := h.get(h.two, "GET", "/"+next[1])
	if rows := row.FindAllStringSubmatch(rest.body, -1); len(rows) != 3 || rows[0][2] != "file 10000" {
		t.Errorf("the next page has %d rows", len(rows))
	}
	if strings.Contains(rest.body, "More files") {
		t.Error("the last page leads on")
	}
	if got := h.get(h.one, "GET", "/?after="+url.QueryEscape(`"><script>`)); strings.Contains(got.body, "<script") {
		t.Error("the query has become markup")
	}
}

func TestShown(t *testing.T) {
	for name, want := range map[string]string{
		"plain": "plain", "a\u202etxt.exe": `a\u202etxt.exe`, "\u200bx": `\u200bx`, "ü ß": "ü ß",
	} {
		if got := shown(name); got != want {
			t.Errorf("shown(%q) = %q, want %q", name, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q, want %q", n, got, want)
		}
	}
}
