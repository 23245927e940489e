package transport_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"

	"example.com/uft/transport"
)

// A server that sends back what it gets on a stream, and a client of it.
func Example_echo() {
	ctx := context.Background()
	listener, err := transport.Listen("127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept(ctx)
		if err != nil {
			return
		}
		stream, err := conn.AcceptStream(ctx)
		if err != nil {
			return
		}
		_, _ = io.Copy(stream, stream)
		_ = stream.CloseWrite()
	}()

	conn, err := transport.Dial(ctx, listener.Addr().String(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	stream, err := conn.OpenStream(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(stream, "hello over UDP")
	if err := stream.CloseWrite(); err != nil {
		log.Fatal(err)
	}
	answer, err := io.ReadAll(stream)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", answer)
	// Output: hello over UDP
}

// A client that copies a large piece of memory to a server, in slabs that
// arrive in any order.
func Example_bulk() {
	ctx := context.Background()
	listener, err := transport.Listen("127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	original := bytes.Repeat([]byte("all work and no play "), 100_000)

	go func() {
		// A fifth of all datagrams is thrown away, and nobody notices.
		conn, err := transport.Dial(ctx, listener.Addr().String(), &transport.Config{Loss: 0.2, Seed: 1})
		if err != nil {
			log.Fatal(err)
		}
		defer conn.Close()
		if err := send(ctx, conn, original); err != nil {
			log.Fatal(err)
		}
	}()

	conn, err := listener.Accept(ctx)
	if err != nil {
		log.Fatal(err)
	}
	incoming, err := conn.AcceptBulk(ctx)
	if err != nil {
		log.Fatal(err)
	}
	received := make([]byte, len(original))
	for {
		slab, err := incoming.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		copy(received[slab.Offset:], slab.Data)
		incoming.Release(slab)
	}
	<-conn.Done() // the client closes when it knows that all has arrived
	fmt.Println(bytes.Equal(original, received))
	// Output: true
}

// send sends p as one transfer and waits until it was delivered.
func send(ctx context.Context, conn *transport.Conn, p []byte) error {
	outgoing, err := conn.OpenBulk(ctx)
	if err != nil {
		return err
	}
	for len(p) > 0 {
		buf, err := outgoing.Buffer(ctx)
		if err != nil {
			return err
		}
		n := copy(buf, p)
		p = p[n:]
		if err := outgoing.Send(buf[:n]); err != nil {
			return err
		}
	}
	if err := outgoing.Finish(); err != nil {
		return err
	}
	select {
	case <-outgoing.Delivered():
		return nil
	case <-conn.Done():
		return conn.Err()
	}
}

// A web server and its client, which know nothing of this package but the
// net.Listener and the DialContext that they are given. The requests go over
// streams of one connection. That is encrypted and the server is verified, so
// the URL is one without TLS.
func Example_http() {
	listener, err := transport.Listen("127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "this is %s over UDP", r.URL.Path)
	})}
	go func() { _ = server.Serve(listener.Streams()) }() // Shutdown ends it
	defer func() { _ = server.Shutdown(context.Background()) }()

	dialer := transport.StreamDialer{Config: &transport.Config{
		VerifyServer: func(key ed25519.PublicKey) error {
			if !key.Equal(listener.Identity()) {
				return errors.New("another server")
			}
			return nil
		},
	}}
	defer dialer.Close()
	client := http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	response, err := client.Get("http://" + listener.Addr().String() + "/index.html")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", body)
	// Output: this is /index.html over UDP
}
