package uft

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"example.com/uft/transfer"
)

// openTestWeb returns the HTTP face of a server of an empty folder.
func openTestWeb(t *testing.T, address string) *webServer {
	t.Helper()
	c := Command{Serve: true, Dir: t.TempDir(), HTTP: address}
	server, err := transfer.NewServer(transfer.ServerConfig{Dir: c.Dir, Serve: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	pages, err := openWeb(c, server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pages.close)
	return pages
}

// TestWebAnnouncement: the address is one that a browser takes, and who else may
// use it is said.
func TestWebAnnouncement(t *testing.T) {
	const end = " can read them too, and see the transfers: HTTP is neither encrypted nor verified\n"
	for address, host := range map[string]string{"127.0.0.1:0": "127.0.0.1", ":0": "localhost"} {
		var out bytes.Buffer
		pages := openTestWeb(t, address)
		pages.announce(stdio{err: &out})
		_, port, _ := net.SplitHostPort(pages.listener.Addr().String())
		want := "uft: anyone who reaches http://" + host + ":" + port + "/"
		if host == "localhost" {
			want += " (on all addresses)"
		}
		if out.String() != want+end {
			t.Errorf("%s: got\n%swant\n%s", address, &out, want+end)
		}
	}
	var out bytes.Buffer
	(*webServer)(nil).announce(stdio{err: &out})
	if out.Len() != 0 {
		t.Errorf("without --http: %s", &out)
	}
}

// TestWebBeside: the two faces of a server end together, and the reason is told.
func TestWebBeside(t *testing.T) {
	wait := func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	pages := openTestWeb(t, "127.0.0.1:0")
	served := make(chan error, 1)
	go func() { served <- pages.beside(ctx, wait) }()
	cancel()
	if err := <-served; err != nil {
		t.Errorf("the user ends both: %v", err)
	}
	broken := errors.New("broken")
	pages = openTestWeb(t, "127.0.0.1:0")
	if err := pages.beside(t.Context(), func(context.Context) error { return broken }); err != broken {
		t.Errorf("the transfers end: %v", err)
	}
	pages = openTestWeb(t, "127.0.0.1:0")
	pages.listener.Close()
	if err := pages.beside(t.Context(), wait); err == nil || !strings.HasPrefix(err.Error(), "cannot go on to serve HTTP: ") {
		t.Errorf("HTTP ends: %v", err)
	}
	if err := (*webServer)(nil).beside(t.Context(), func(context.Context) error { return broken }); err != broken {
		t.Errorf("without --http: %v", err)
	}
}
