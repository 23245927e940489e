package transport_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"

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
