package transfer_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// serveFolder starts a server on a free port of this machine and returns its
// address. The examples below are its clients.
func serveFolder(ctx context.Context, dir string) (address string, ended <-chan error) {
	server, err := transfer.NewServer(transfer.ServerConfig{Dir: dir, Accept: true, Serve: true})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := transport.Listen("127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		defer server.Close()
		done <- server.Serve(ctx, listener)
	}()
	return listener.Addr().String(), done
}

// A client sends a file to a server and fetches it back.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	address, ended := serveFolder(ctx, dir)

	conn, err := transport.Dial(ctx, address, nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := transfer.NewClient(ctx, conn)
	if err != nil {
		log.Fatal(err)
	}
	sent := client.Send(ctx, []transfer.Source{{Name: "greeting", Reader: strings.NewReader("hello, world\n")}}, transfer.Options{})[0]
	fmt.Println(sent.Name, sent.Bytes, sent.Err)

	fetched := client.Fetch(ctx, "greeting", transfer.Destination{Writer: os.Stdout}, 0, transfer.Options{})
	fmt.Println(fetched.Root == sent.Root, fetched.Err)

	if err := client.Close(); err != nil {
		log.Fatal(err)
	}
	stop()
	fmt.Println(<-ended)
	// Output:
	// greeting 13 <nil>
	// hello, world
	// true <nil>
	// <nil>
}

// Each file has a result of its own: the others go on after a failure.
func ExampleClient_Send() {
	ctx, stop := context.WithCancel(context.Background())
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	address, ended := serveFolder(ctx, dir)
	conn, err := transport.Dial(ctx, address, nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := transfer.NewClient(ctx, conn)
	if err != nil {
		log.Fatal(err)
	}
	results := client.Send(ctx, []transfer.Source{
		{Path: filepath.Join(dir, "missing")},
		{Name: "../escape", Reader: strings.NewReader("x")},
		{Name: "good", Reader: strings.NewReader("x")},
	}, transfer.Options{})
	for _, r := range results {
		fmt.Println(r.Name, r.Err == nil, transfer.KindOf(r.Err))
	}
	client.Close()
	stop()
	<-ended
	// Output:
	// missing false source
	// ../escape false refused
	// good true other
}

// Two programs send each other a file.
func ExampleExchange() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	listener, err := transport.Listen("127.0.0.1:0", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	ctx := context.Background()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept(ctx)
		if err != nil {
			log.Fatal(err)
		}
		transfer.Exchange(ctx, conn, transfer.ExchangeConfig{
			Server: true, BothWays: true,
			Send:    &transfer.Source{Name: "pong", Reader: strings.NewReader("pong")},
			Receive: &transfer.Destination{Path: filepath.Join(dir, "from the client"), Overwrite: true},
		})
	}()
	conn, err := transport.Dial(ctx, listener.Addr().String(), nil)
	if err != nil {
		log.Fatal(err)
	}
	sent, received := transfer.Exchange(ctx, conn, transfer.ExchangeConfig{
		BothWays: true,
		Send:     &transfer.Source{Name: "ping", Reader: strings.NewReader("ping")},
		Receive:  &transfer.Destination{Path: filepath.Join(dir, "from the server"), Overwrite: true},
	})
	<-done
	fmt.Println(sent.Name, sent.Err, received.Name, received.Err)
	// Output: ping <nil> pong <nil>
}
