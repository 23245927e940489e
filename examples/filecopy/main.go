// Filecopy sends a file to a server. It shows a bulk transfer, whose bytes come
// in any order, beside a stream that says what they are.
package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"

	"example.com/uft/transport"
)

const usage = `Examples:
  filecopy serve 127.0.0.1:4242 somefolder     # prints its address and FINGERPRINT
  filecopy send 127.0.0.1:4242 FINGERPRINT somefile
`

// maxSize bounds what one connection may put on the disk, in bytes.
const maxSize = 256 << 20

// An offer is the one message of the client, on a stream. The server answers
// with a string: what went wrong, or nothing when the file is there.
type offer struct {
	Name   string
	Size   int64
	SHA256 []byte
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "filecopy:", err)
		os.Exit(1)
	}
}

// run is the program, without what only a process has.
func run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) error {
	switch {
	case len(args) == 3 && args[0] == "serve":
		return serve(ctx, args[1], args[2], stdout)
	case len(args) == 4 && args[0] == "send":
		return send(ctx, args[1], args[2], args[3])
	case len(args) == 1 && args[0] == "-h":
		_, err := io.WriteString(stdout, usage)
		return err
	}
	fmt.Fprint(stderr, usage)
	return errors.New("it is called in one of these ways")
}

// serve takes files until the context ends.
func serve(ctx context.Context, address, folder string, stdout io.Writer) error {
	root, err := os.OpenRoot(folder) // out of which no name leads, and no link
	if err != nil {
		return err
	}
	defer root.Close()
	listener, err := transport.Listen(address, nil)
	if err != nil {
		return err
	}
	var conns sync.WaitGroup
	defer conns.Wait()
	defer listener.Close() // first: it ends the calls that keep the others busy
	fmt.Fprintln(stdout, listener.Addr(), fingerprint(listener.Identity()))
	for {
		conn, err := listener.Accept(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // we were asked to stop
		case err != nil:
			return err
		}
		conns.Go(func() { serveConn(ctx, conn, root) })
	}
}

// serveConn takes the one file of a connection.
func serveConn(ctx context.Context, conn *transport.Conn, root *os.Root) {
	defer conn.Close()
	select {
	case <-conn.Connected(): // what comes before may be somebody's replay
	case <-conn.Done():
		return
	}
	stream, err := conn.AcceptStream(ctx)
	if err != nil {
		return
	}
	transfer, err := conn.AcceptBulk(ctx)
	if err != nil {
		return
	}
	answer := ""
	if err := receive(ctx, stream, transfer, root); err != nil {
		transfer.Stop(1) // or the client would wait until we take its bytes
		answer = err.Error()
	}
	if json.NewEncoder(stream).Encode(answer) == nil {
		// Close does not wait for what was written. So the client is the one
		// who closes: it does when it has the answer.
		<-conn.Done()
	}
}

// receive takes the file that a stream announces.
func receive(ctx context.Context, stream io.Reader, transfer *transport.BulkReceiver, root *os.Root) error {
	var file offer
	if err := json.NewDecoder(io.LimitReader(stream, 4096)).Decode(&file); err != nil {
		return err
	}
	if file.Name != filepath.Base(file.Name) || file.Size < 0 || file.Size > maxSize {
		return fmt.Errorf("%q with %d bytes is not wanted", file.Name, file.Size)
	}
	// Under its name the file is there when it is whole.
	part := ".filecopy-" + rand.Text()
	out, err := root.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer root.Remove(part)
	defer out.Close()
	for {
		// Slabs come in any order, so that none waits for one that was lost.
		slab, err := transfer.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if slab.Offset+int64(len(slab.Data)) > file.Size {
			return errors.New("more bytes came than were offered")
		}
		_, err = out.WriteAt(slab.Data, slab.Offset)
		transfer.Release(slab) // which lets the client send as many more
		if err != nil {
			return err
		}
	}
	hash := sha256.New() // at the end, because it wants the bytes in order
	n, err := io.Copy(hash, io.NewSectionReader(out, 0, maxSize))
	switch {
	case err != nil:
		return err
	case n != file.Size || string(hash.Sum(nil)) != string(file.SHA256):
		return errors.New("what came is not what was offered: did the file change?")
	}
	if err := out.Sync(); err != nil {
		return err
	}
	return root.Link(part, file.Name) // unlike Rename, it replaces nothing
}

// send sends a file, and returns when the server has it.
func send(ctx context.Context, address, want, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, in)
	if err != nil {
		return err
	}
	conn, err := transport.Dial(ctx, address, &transport.Config{
		// Without VerifyServer, whoever answers gets the file.
		VerifyServer: func(key ed25519.PublicKey) error {
			if got := fingerprint(key); got != want {
				return fmt.Errorf("its fingerprint is %s, not %s", got, want)
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	// A context bounds the call that it is given to; a stream takes none.
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	stream, err := conn.OpenStream(ctx)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(stream).Encode(offer{filepath.Base(path), size, hash.Sum(nil)}); err != nil {
		return err
	}
	// A server that does not want the bytes stops them; its answer says why.
	sending := sendBytes(ctx, conn, io.NewSectionReader(in, 0, size))
	var answer string
	if err := json.NewDecoder(stream).Decode(&answer); err != nil {
		return errors.Join(sending, err)
	}
	if answer != "" {
		return fmt.Errorf("the server: %s", answer)
	}
	return sending
}

// sendBytes sends a file as one transfer. It returns when all is on its way.
func sendBytes(ctx context.Context, conn *transport.Conn, in io.Reader) error {
	transfer, err := conn.OpenBulk(ctx)
	if err != nil {
		return err
	}
	for {
		// The buffer is the transport's, until its bytes have arrived. To get
		// one takes as long as the path needs.
		buf, err := transfer.Buffer(ctx)
		if err != nil {
			return err
		}
		n, reading := io.ReadFull(in, buf) // every slab but the last is full
		if err := transfer.Send(buf[:n]); err != nil {
			return err
		}
		switch reading {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return transfer.Finish()
		default:
			transfer.Reset(1) // the server is not to take a part for all
			return reading
		}
	}
}

// fingerprint is short enough to be compared by people, and names one key.
func fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
