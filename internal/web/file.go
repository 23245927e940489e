package web

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"example.com/uft/internal/store"
)

// filePolicy is the Content-Security-Policy of files: what they say is not ours.
// In the sandbox a page has an origin of its own and runs no scripts.
const filePolicy = "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"

// serveFile answers with a file, or the part of it that is asked for.
func (s *Server) serveFile(w *patient, r *http.Request, name string) {
	source, err := s.folder.OpenListed(name)
	if err != nil {
		refuse(w, err)
		return
	}
	defer source.Close() //nolint:errcheck // it was only read
	w.Header().Set("ETag", entityTag(source, s.now()))
	w.Header().Set("Content-Security-Policy", filePolicy)
	if condition := r.Header.Get("If-Range"); condition != "" && !strings.HasPrefix(condition, `"`) {
		// A date promises too little: transfers set modification times.
		r.Header.Del("Range")
	}
	content := &steady{SectionReader: io.NewSectionReader(source, 0, source.Size()), source: source}
	http.ServeContent(w, r, name, source.ModTime(), content)
	if content.err != nil {
		// The client must not take what it has for the file.
		panic(http.ErrAbortHandler)
	}
}

// settled is how long a file has to be unchanged for its times to tell its next
// change from the last one: file systems count in ticks of up to 2 s (FAT).
const settled = 3 * time.Second

// entityTag returns the ETag of a file, from its size and times. To go on with a
// download (If-Range) takes a strong one (RFC 9110 §13.1.5), which promises the
// same bytes. Times can promise that only when a later change would show in them,
// so the tag of a file that has just changed is a weak one: the same reasoning as
// RFC 9110 §8.8.2.2 has for Last-Modified. The time of change of the inode is part
// of it, since programs set modification times as they like.
func entityTag(source *store.Source, now time.Time) string {
	modified, changed := source.ModTime(), source.ChangeTime()
	latest := modified
	if changed.After(latest) {
		latest = changed
	}
	weak := ""
	if now.Sub(latest) < settled {
		weak = "W/"
	}
	return fmt.Sprintf(`%s"%x-%x-%x"`, weak, source.Size(), uint64(modified.UnixNano()), uint64(changed.UnixNano()))
}

// steady reads a file as long as it is the one that was opened: each piece is
// handed on after a look at the file, so that an answer never holds bytes of
// two versions.
type steady struct {
	*io.SectionReader
	source *store.Source
	err    error // what ended the reading
}

func (s *steady) Read(b []byte) (int, error) {
	n, err := s.SectionReader.Read(b)
	if n > 0 {
		if changed := s.source.Unchanged(); changed != nil {
			n, err = 0, changed
		}
	}
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
