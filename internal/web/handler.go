package web

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"example.com/uft/internal/store"
)

// Paths of our own; see the package comment.
const (
	statusPath = "/status"
	eventsPath = "/status/events"
	filePrefix = "/file/"
)

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-cache") // every use is asked for; an ETag makes that cheap
	out := &patient{ResponseWriter: w, control: http.NewResponseController(w), limit: s.stall}
	out.extend()
	if r.Body != http.NoBody {
		// Nobody wants it, but the standard library reads on to the next request.
		_ = out.control.SetReadDeadline(time.Now().Add(bodyLimit)) // it is of no importance
	}
	select {
	case s.requests <- struct{}{}:
		defer func() { <-s.requests }()
	default:
		unavailable(out)
		return
	}
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		http.Error(out, "this server is for reading: GET and HEAD", http.StatusMethodNotAllowed)
	case !s.mayAsk(r):
		http.Error(out, "this machine does not go by that name", http.StatusMisdirectedRequest)
	default:
		s.route(out, r)
	}
}

// route answers by path. It does not use http.ServeMux, which would answer a
// path with ".." by sending the client elsewhere: here it is a name like any
// other, and no file has it.
func (s *Server) route(w *patient, r *http.Request) {
	path := r.URL.Path // unescaped
	switch path {
	case "/":
		s.serveList(w, r)
	case statusPath:
		s.serveStatus(w, r)
	case eventsPath:
		s.serveEvents(w, r)
	default:
		name, long := strings.CutPrefix(path, filePrefix)
		if !long {
			name = strings.TrimPrefix(path, "/")
		}
		s.serveFile(w, r, name)
	}
}

// mayAsk reports whether the host that a request names may be answered for: on a
// loopback address only this machine itself, because a page from elsewhere may
// have had its own name resolve to that address.
func (s *Server) mayAsk(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() {
		return true
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	host = strings.ToLower(host)
	return host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		host == strings.ToLower(s.hostname)
}

// unavailable says that there is no place for the request at the moment.
func unavailable(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "5")
	http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
}

// refuse answers for a file or folder that cannot be read. Whether there is
// something of that name that is not served is not told.
func refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, store.ErrBadName), errors.Is(err, store.ErrHidden), errors.Is(err, store.ErrNotFound),
		errors.Is(err, store.ErrNotRegular), errors.Is(err, store.ErrOutside):
		http.Error(w, "there is no such file", http.StatusNotFound)
	case errors.Is(err, store.ErrPermission):
		http.Error(w, "the file may not be read", http.StatusForbidden)
	default:
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
	}
}

// patient writes an answer to a client that may take as long as it likes, but
// not for any piece of it. It hides the other abilities of the writer, so that
// what is copied to it comes in pieces of 32 KiB.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
	limit   time.Duration
}

// extend gives the client the limit again, from now.
func (p *patient) extend() {
	_ = p.control.SetWriteDeadline(time.Now().Add(p.limit)) // where it fails, so does the next Write
}

func (p *patient) Write(b []byte) (int, error) {
	p.extend()
	return p.ResponseWriter.Write(b)
}

// flush sends what was written.
func (p *patient) flush() error {
	p.extend()
	return p.control.Flush()
}
