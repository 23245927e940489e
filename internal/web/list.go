package web

import (
	"bufio"
	_ "embed" // for the pages
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"example.com/uft/internal/store"
)

// listLimit is how many files one page lists.
const listLimit = 10_000

//go:embed list.html
var listText string

//go:embed style.css
var styleText string

var (
	listTemplate = template.Must(template.New("list").Funcs(template.FuncMap{
		"address": address, "shown": shown, "grouped": grouped, "date": date,
	}).Parse(listText))

	listPolicy = "default-src 'none'; img-src data:; style-src '" + sourceHash(styleText) + "'; " + framePolicy
)

// framePolicy is the end of the Content-Security-Policy of our own pages.
const framePolicy = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// list is what the template of the list is filled with.
type list struct {
	Style   template.CSS
	Entries []store.Entry
	After   string // the page begins behind this name
	Next    string // the page that follows begins behind this name; empty: none
}

// serveList answers with the list of the files.
func (s *Server) serveList(w *patient, r *http.Request) {
	page := list{Style: template.CSS(styleText), After: r.URL.Query().Get("after")}
	var err error
	if page.Entries, page.Next, err = s.folder.List(page.After, listLimit); err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", listPolicy)
	if r.Method == http.MethodHead {
		return
	}
	// Row by row: the page is never in memory as a whole.
	out := bufio.NewWriterSize(w, 32<<10)
	if listTemplate.Execute(out, &page) == nil {
		_ = out.Flush() // where it fails, the client has gone
	}
}

// address returns the path of a file, relative to the list.
func address(name string) string {
	if "/"+name == statusPath {
		return "." + filePrefix + name
	}
	return "./" + url.PathEscape(name)
}

// shown returns a name as it is shown: what does not print as itself, above all
// what changes the direction of writing, is replaced by a visible escape.
func shown(name string) string {
	var b strings.Builder
	for _, r := range name {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// grouped returns a number of bytes to the last digit, with a narrow space
// between the thousands.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u202f" + digits[i:]
	}
	return digits
}

// date returns a time as the list shows it.
func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }
