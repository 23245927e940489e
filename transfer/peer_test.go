package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"

	"example.com/uft/internal/xfer"
	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// peer is a program that a test plays by hand, message by message.
type peer struct {
	t       testing.TB
	conn    *transport.Conn
	stream  *transport.Stream
	decoder xfer.Decoder
}

// visitor connects to a server as a client that the test plays.
func (h *house) visitor() *peer {
	h.t.Helper()
	conn, err := transport.Dial(soon(h.t), h.addr, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	stream, err := conn.OpenStream(soon(h.t))
	if err != nil {
		h.t.Fatal(err)
	}
	return &peer{t: h.t, conn: conn, stream: stream}
}

// say sends messages to the other side.
func (p *peer) say(messages ...xfer.Message) {
	p.t.Helper()
	var b []byte
	for _, m := range messages {
		b = xfer.Append(b, m)
	}
	if _, err := p.stream.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// hear returns the next message of the other side, but for STATUS.
func (p *peer) hear() xfer.Message {
	p.t.Helper()
	buf := make([]byte, 4096)
	for {
		m, err := p.decoder.Next()
		if err != nil {
			p.t.Fatal(err)
		}
		if _, status := m.(*xfer.Status); m != nil && !status {
			return m
		}
		if m == nil {
			n, err := p.stream.Read(buf)
			if err != nil {
				p.t.Fatal(err)
			}
			p.decoder.Feed(buf[:n])
		}
	}
}

// offer offers a file and returns the bytes' way there.
func (p *peer) offer(name string, size int) *transport.BulkSender {
	p.t.Helper()
	bulk, err := p.conn.OpenBulk(soon(p.t))
	if err != nil {
		p.t.Fatal(err)
	}
	e := xfer.NewEntry(bulk.ID(), name)
	if size >= 0 {
		known := uint64(size)
		e.Size = &known
	}
	p.say(&xfer.Offer{Entries: []xfer.Entry{e}})
	return bulk
}

// send sends the bytes of a file. That the other side does not want them is no
// failure.
func (p *peer) send(bulk *transport.BulkSender, content []byte) {
	p.t.Helper()
	for rest := content; len(rest) > 0; {
		buf, err := bulk.Buffer(soon(p.t))
		if err == nil {
			n := copy(buf, rest)
			rest = rest[n:]
			err = bulk.Send(buf[:n])
		}
		if _, stopped := bulk.Stopped(); stopped {
			return
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	if err := bulk.Finish(); err != nil {
		if _, stopped := bulk.Stopped(); !stopped {
			p.t.Fatal(err)
		}
	}
}

// wantClosed waits until the other side has closed the connection with a code.
func (p *peer) wantClosed(code xfer.Code) {
	p.t.Helper()
	select {
	case <-p.conn.Done():
	case <-soon(p.t).Done():
		p.t.Fatal("the connection lives on")
	}
	var closed *transport.CloseError
	if err := p.conn.Err(); !errors.As(err, &closed) || !closed.Remote || closed.Code != uint64(code) {
		p.t.Errorf("closed by %v, want code %v", err, code)
	}
}

// TestWrongBytes: the bytes that come are not those that the hashes announce.
func TestWrongBytes(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true}, nil)
	content := bytes.Repeat([]byte("x"), 2<<20)
	p := h.visitor()
	p.say(&xfer.Hello{})
	bulk := p.offer("file", len(content))
	p.send(bulk, content)
	id := bulk.ID()
	wrong := []xfer.Hash{xfer.HashChunk(content[:1<<20]), {1}}
	p.say(&xfer.Chunk{Transfer: id, Index: 0, Hash: wrong[0]}, &xfer.Chunk{Transfer: id, Index: 1, Hash: wrong[1]},
		&xfer.End{Transfer: id, Size: 2 << 20, Root: xfer.Root(2<<20, wrong)})
	p.hear() // HELLO
	if accept, ok := p.hear().(*xfer.Accept); !ok {
		t.Errorf("the first answer is %+v", accept)
	}
	if refusal, ok := p.hear().(*xfer.Refuse); !ok || refusal.Code != xfer.CodeIntegrity {
		t.Errorf("the second answer is %+v", refusal)
	}
	h.wantEnd(t, "file", transfer.KindIntegrity)
	wantNames(t, h.dir)
}

// TestMoreBytesThanHashed: BULK_END tells another size than END.
func TestMoreBytesThanHashed(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true}, nil)
	p := h.visitor()
	p.say(&xfer.Hello{})
	bulk := p.offer("file", -1)
	content := bytes.Repeat([]byte("x"), 1<<20+5)
	p.send(bulk, content)
	hash := []xfer.Hash{xfer.HashChunk(content[:1<<20])}
	p.say(&xfer.Chunk{Transfer: bulk.ID(), Hash: hash[0]}, &xfer.End{Transfer: bulk.ID(), Size: 1 << 20, Root: xfer.Root(1<<20, hash)})
	h.wantEnd(t, "file", transfer.KindIntegrity)
	wantNames(t, h.dir)
}

func TestBrokenRules(t *testing.T) {
	for name, messages := range map[string][]xfer.Message{
		"no HELLO":        {&xfer.Request{Name: "a"}},
		"HELLO twice":     {&xfer.Hello{}, &xfer.Hello{}},
		"unknown request": {&xfer.Hello{}, &xfer.Refuse{Request: new(uint64)}},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, transfer.ServerConfig{Accept: true}, nil).visitor()
			p.say(messages...)
			p.wantClosed(xfer.CodeProtocol)
		})
	}
	t.Run("no messages at all", func(t *testing.T) {
		p := open(t, transfer.ServerConfig{Accept: true}, nil).visitor()
		if _, err := p.stream.Write([]byte{0x3f, 0}); err != nil {
			t.Fatal(err)
		}
		p.wantClosed(xfer.CodeProtocol)
	})
	t.Run("both ways", func(t *testing.T) {
		p := open(t, transfer.ServerConfig{Accept: true}, nil).visitor()
		p.say(&xfer.Hello{Mode: xfer.ModeBothWays})
		p.wantClosed(xfer.CodeMode)
	})
}

// TestRefusedWhileBytesCome: what was refused does not use up the credit, so
// the next file still comes.
func TestRefusedWhileBytesCome(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true}, tight)
	client := h.client()
	for i := range 5 {
		path, _ := write(t, h.here, ".hidden", 4<<20)
		wantKind(t, sendOne(t, client, transfer.Source{Path: path}), transfer.KindRefused)
		path, content := write(t, h.here, "file", 1<<20)
		wantDone(t, sendOne(t, client, transfer.Source{Path: path, Name: string(rune('a' + i))}), content)
	}
	wantNames(t, h.dir, "a", "b", "c", "d", "e")
}

// TestBytesAfterRefusal: bytes that come when the file was refused already do
// not use up the credit either.
func TestBytesAfterRefusal(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true}, tight)
	p := h.visitor()
	p.say(&xfer.Hello{})
	content := bytes.Repeat([]byte("x"), 1<<20)
	unwanted := p.offer(".hidden", len(content))
	p.hear() // HELLO
	if refusal, ok := p.hear().(*xfer.Refuse); !ok || refusal.Code != xfer.CodeHidden {
		t.Fatalf("the answer is %+v", refusal)
	}
	p.send(unwanted, content)
	bulk := p.offer("file", len(content))
	p.send(bulk, content)
	hash := []xfer.Hash{xfer.HashChunk(content)}
	root := xfer.Root(1<<20, hash)
	p.say(&xfer.Chunk{Transfer: bulk.ID(), Hash: hash[0]}, &xfer.End{Transfer: bulk.ID(), Size: 1 << 20, Root: root})
	if _, ok := p.hear().(*xfer.Accept); !ok {
		t.Error("the second file is not accepted")
	}
	if done, ok := p.hear().(*xfer.Done); !ok || done.Root != root {
		t.Errorf("the second file ends with %+v", done)
	}
	wantNames(t, h.dir, "file")
}

// TestNoConfirmation: everything was sent, and the receiver goes away without a
// word.
func TestNoConfirmation(t *testing.T) {
	listener, err := transport.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		conn, err := listener.Accept(soon(t))
		if err != nil {
			t.Error(err)
			return
		}
		stream, err := conn.AcceptStream(soon(t))
		if err != nil {
			t.Error(err)
			return
		}
		p := &peer{t: t, conn: conn, stream: stream}
		p.say(&xfer.Hello{Abilities: xfer.AbilityWrites})
		for {
			m := p.hear()
			if end, ok := m.(*xfer.End); ok {
				p.say(&xfer.Accept{Transfer: end.Transfer})
				break
			}
		}
		bulk, err := conn.AcceptBulk(soon(t))
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := bulk.Next(soon(t)); err != nil { // the whole file
			t.Error(err)
		}
		conn.Close()
	}()
	conn, err := transport.Dial(soon(t), listener.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	client, err := transfer.NewClient(soon(t), conn)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	path, _ := write(t, t.TempDir(), "file", 1000)
	wantKind(t, sendOne(t, client, transfer.Source{Path: path}), transfer.KindUnknown)
	<-gone
}

func TestServeStops(t *testing.T) {
	dir := t.TempDir()
	server, err := transfer.NewServer(transfer.ServerConfig{Dir: dir, Accept: true})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	listener, err := transport.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	conn, err := transport.Dial(soon(t), listener.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	client, err := transfer.NewClient(soon(t), conn)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	path, content := write(t, t.TempDir(), "file", 1000)
	wantDone(t, sendOne(t, client, transfer.Source{Path: path}), content)
	// The connection is there, and idle: to stop now interrupts nothing.
	stop()
	if err := <-served; err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
	wantFile(t, filepath.Join(dir, "file"), content)
}

func TestServerOfMissingFolder(t *testing.T) {
	_, err := transfer.NewServer(transfer.ServerConfig{Dir: filepath.Join(t.TempDir(), "none"), Accept: true})
	if transfer.KindOf(err) != transfer.KindDestination {
		t.Errorf("NewServer = %v", err)
	}
}
