package main

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"

	"example.com/uft/internal/seal"
)

// quicCopy is the file copy that one writes with quic-go in an afternoon: one
// stream, io.Copy on both sides, one byte back that says that it is written.
// The windows are large, so that they are not what limits it.
var quicCopy = subject{
	name: "quic-go", role: encryptedPeer,
	about: "io.Copy of a file over one stream of quic-go, its segmentation offload on, windows 64 MiB",
	run: func(ctx context.Context, r *rig, n network) (result, error) {
		return workerCopy(ctx, r, n, "quic")
	},
}

// workerCopy runs the two workers of a copy that this program makes itself
// with a library. The client ends when it knows that everything is written.
// Whether the server hears of that end is a matter of luck on a path that
// loses, so it is not waited for.
func workerCopy(ctx context.Context, r *rig, n network, protocol string) (result, error) {
	port, err := freePort()
	if err != nil {
		return result{}, err
	}
	address := fmt.Sprintf("%s:%d", n.addr, port)
	copied := filepath.Join(r.copies, protocol+".bin")
	return pair{
		server:   []string{r.self, "worker", protocol + "-receive", address, copied},
		client:   []string{r.self, "worker", protocol + "-send", address, r.source},
		protocol: "udp", port: port, signal: syscall.SIGKILL, copy: copied,
	}.run(ctx, r, n)
}

// copyBuffer is the buffer of io.Copy in bytes, for all libraries.
const copyBuffer = 256 << 10

// justReader and justWriter hide what io.CopyBuffer would prefer to its buffer.
type (
	justReader struct{ io.Reader }
	justWriter struct{ io.Writer }
)

// copyStream is io.Copy with a large buffer.
func copyStream(to io.Writer, from io.Reader) error {
	_, err := io.CopyBuffer(justWriter{to}, justReader{from}, make([]byte, copyBuffer))
	return err
}

func quicConfig() *quic.Config {
	const window = 64 << 20
	return &quic.Config{
		InitialStreamReceiveWindow: window, MaxStreamReceiveWindow: window,
		InitialConnectionReceiveWindow: window, MaxConnectionReceiveWindow: window,
	}
}

// quicSend is the client.
func quicSend(address, path string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	// Who the server is makes no difference to the speed.
	conn, err := quic.DialAddr(ctx, address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"copy"}}, quicConfig())
	if err != nil {
		return err
	}
	stream, err := conn.OpenStreamSync(ctx)
	if err != nil {
		return err
	}
	if err := copyStream(stream, file); err != nil {
		return err
	}
	if err := stream.Close(); err != nil {
		return err
	}
	if _, err := io.ReadFull(stream, make([]byte, 1)); err != nil {
		return err
	}
	return conn.CloseWithError(0, "")
}

// quicReceive is the server, for one file.
func quicReceive(address, path string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	certificate, err := seal.SelfSigned(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		return err
	}
	listener, err := quic.ListenAddr(address, &tls.Config{
		Certificates: []tls.Certificate{certificate}, NextProtos: []string{"copy"},
	}, quicConfig())
	if err != nil {
		return err
	}
	defer listener.Close()
	conn, err := listener.Accept(ctx)
	if err != nil {
		return err
	}
	stream, err := conn.AcceptStream(ctx)
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := errors.Join(copyStream(file, stream), file.Close()); err != nil {
		return err
	}
	if _, err := stream.Write([]byte{1}); err != nil {
		return err
	}
	if err := stream.Close(); err != nil {
		return err
	}
	<-conn.Context().Done() // the client closes
	return nil
}
