package transport

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync"
	"testing"
	"time"
)

// webServer runs an http.Server on the streams of a Listener, and returns a
// client whose connections are streams to it.
func webServer(t *testing.T, handler http.Handler) (l *Listener, server *http.Server, client *http.Client) {
	t.Helper()
	l = loopback(t, "127.0.0.1:0", nil)
	server = &http.Server{Handler: handler, Protocols: new(http.Protocols), ErrorLog: log.New(io.Discard, "", 0)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l.Streams()) }()
	dialer := &StreamDialer{Config: &Config{VerifyServer: func(key ed25519.PublicKey) error {
		if !key.Equal(l.Identity()) {
			return errors.New("another server")
		}
		return nil
	}}}
	client = &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		dialer.Close()
		server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return l, server, client
}

// overHTTP2 makes a client speak HTTP/2 from the first byte on.
func overHTTP2(client *http.Client) {
	transport := client.Transport.(*http.Transport)
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetUnencryptedHTTP2(true)
}

// webURL is that of a path at a server without TLS: a stream is encrypted.
func webURL(l *Listener, path string) string { return "http://" + l.Addr().String() + path }

// post sends a body, and returns that of the answer.
func post(ctx context.Context, client *http.Client, url string, body []byte) (answer []byte, protocol int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return answer, response.ProtoMajor, err
}

// mirror answers with the body of the request, while that still comes in.
func mirror(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 always is
	_, _ = io.Copy(w, r.Body)
}

func TestHTTP(t *testing.T) {
	for version, prepare := range map[int]func(*http.Client){1: func(*http.Client) {}, 2: overHTTP2} {
		t.Run(fmt.Sprintf("HTTP/%d", version), func(t *testing.T) {
			l, _, client := webServer(t, http.HandlerFunc(mirror))
			prepare(client)

			body := random(10<<20, 1)
			got, protocol, err := post(t.Context(), client, webURL(l, "/"), body)
			if err != nil || !bytes.Equal(got, body) || protocol != version {
				t.Errorf("%d bytes of %d, HTTP/%d, %v", len(got), len(body), protocol, err)
			}

			var all sync.WaitGroup
			for i := range 50 {
				all.Go(func() {
					body := random(10_000+i, uint64(i))
					got, _, err := post(t.Context(), client, webURL(l, "/"), body)
					if err != nil || !bytes.Equal(got, body) {
						t.Errorf("request %d: %d bytes of %d, %v", i, len(got), len(body), err)
					}
				})
			}
			all.Wait()
			if n := l.Stats().Accepted; n != 1 {
				t.Errorf("%d connections for the requests of one client", n)
			}
		})
	}
}

func TestHTTPKeepAlive(t *testing.T) {
	l, _, client := webServer(t, http.HandlerFunc(mirror))
	for i := range 5 {
		reused := false
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused },
		})
		if got, _, err := post(ctx, client, webURL(l, "/"), []byte("hello")); err != nil || string(got) != "hello" {
			t.Fatalf("%q, %v", got, err)
		}
		if reused != (i > 0) {
			t.Errorf("request %d: stream reused: %v", i, reused)
		}
	}
}

// TestHTTPShutdown ends a server while it works on a request: that is answered,
// and there is no further one.
func TestHTTPShutdown(t *testing.T) {
	working, finish := make(chan struct{}), make(chan struct{})
	l, server, client := webServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(working)
		<-finish
		io.WriteString(w, "done")
	}))
	var all sync.WaitGroup
	all.Go(func() {
		if got, _, err := post(t.Context(), client, webURL(l, "/"), nil); err != nil || string(got) != "done" {
			t.Errorf("the request that was under way: %q, %v", got, err)
		}
	})
	<-working
	stopping := make(chan struct{})
	server.RegisterOnShutdown(func() { close(stopping) })
	all.Go(func() {
		if err := server.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	<-stopping // it has closed the net.Listener by then
	if _, _, err := post(t.Context(), client, webURL(l, "/"), nil); err == nil {
		t.Error("a request was answered after Shutdown")
	}
	close(finish)
	all.Wait()
}

// TestHTTPCancel gives up a request: the handler is told, by the background
// read of its stream.
func TestHTTPCancel(t *testing.T) {
	for version, prepare := range map[int]func(*http.Client){1: func(*http.Client) {}, 2: overHTTP2} {
		t.Run(fmt.Sprintf("HTTP/%d", version), func(t *testing.T) {
			working, told := make(chan struct{}), make(chan error, 1)
			l, _, client := webServer(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				close(working)
				<-r.Context().Done()
				told <- r.Context().Err()
			}))
			prepare(client)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-working
				cancel()
			}()
			if _, _, err := post(ctx, client, webURL(l, "/"), nil); !errors.Is(err, context.Canceled) {
				t.Errorf("the request: %v", err)
			}
			if err := <-told; !errors.Is(err, context.Canceled) {
				t.Errorf("the handler: %v", err)
			}
		})
	}
}

// TestHTTPHijack takes the stream out of the server's hands while its background
// read waits, which net/http ends by a read deadline in the past.
func TestHTTPHijack(t *testing.T) {
	handled := make(chan struct{})
	l, _, client := webServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		defer close(handled)
		stream, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer stream.Close()
		io.WriteString(stream, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		if _, err := io.Copy(stream, buffered); err != nil {
			t.Errorf("the hijacked stream: %v", err)
		}
	}))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, webURL(l, "/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "echo")
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	stream := response.Body.(io.ReadWriteCloser)
	for _, text := range []string{"one", "two"} {
		if _, err := io.WriteString(stream, text); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(text))
		if _, err := io.ReadFull(stream, got); err != nil || string(got) != text {
			t.Fatalf("%q, %v", got, err)
		}
	}
	stream.Close()
	<-handled
}

// TestReadDeadlineInThePastWakes is what net/http relies on, without it: a Read
// that waits is ended, and the next one waits again.
func TestReadDeadlineInThePastWakes(t *testing.T) {
	l := loopback(t, "127.0.0.1:0", nil)
	face := l.Streams()
	client, err := connect(t, l.Addr().String(), nil).OpenStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte("1")); err != nil {
		t.Fatal(err)
	}
	server, err := face.Accept()
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1)
	if _, err := server.Read(got); err != nil || got[0] != '1' {
		t.Fatalf("%q, %v", got, err)
	}
	for round := range 3 {
		read := make(chan error, 1)
		go func() {
			_, err := server.Read(make([]byte, 1))
			read <- err
		}()
		if err := server.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		var timeout net.Error
		if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Fatalf("round %d: %v", round, err)
		}
		for _, later := range []time.Time{time.Now().Add(time.Hour), {}} {
			if err := server.SetReadDeadline(later); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Write([]byte("2")); err != nil {
				t.Fatal(err)
			}
			if _, err := server.Read(got); err != nil || got[0] != '2' {
				t.Fatalf("round %d: %q, %v", round, got, err)
			}
		}
	}
}
