package transfer_test

import (
	"bytes"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"example.com/uft/internal/xfer"
	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// asks asks for a file of one slab, and returns the END when all of it is here.
func (p *peer) asks(name string) *xfer.End {
	p.t.Helper()
	p.say(&xfer.Hello{}, &xfer.Request{Name: name})
	bulk, err := p.conn.AcceptBulk(soon(p.t))
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := bulk.Next(soon(p.t)); err != nil {
		p.t.Fatal(err)
	}
	for {
		if end, ok := p.hear().(*xfer.End); ok {
			return end
		}
	}
}

// ended returns how the next transfer at the server ends.
func (h *house) ended() transfer.Result {
	h.t.Helper()
	for {
		select {
		case e := <-h.events:
			if !e.Started {
				return e.Result
			}
		case <-soon(h.t).Done():
			h.t.Fatal("no transfer ends")
		}
	}
}

// TestCloseStandsForDone: of what a client has said at the end nothing has come
// but the close.
func TestCloseStandsForDone(t *testing.T) {
	for name, test := range map[string]struct {
		says []xfer.Message
		code xfer.Code
		want transfer.Kind // -1: done
	}{
		"all is well, ACCEPT and DONE lost": {nil, 0, -1},
		"all is well, DONE lost":            {[]xfer.Message{&xfer.Accept{}}, 0, -1},
		"interrupted":                       {nil, xfer.CodeCancelled, transfer.KindUnknown},
		"the disk failed, REFUSE lost":      {[]xfer.Message{&xfer.Accept{}}, xfer.CodeDisk, transfer.KindUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, transfer.ServerConfig{Serve: true}, nil)
			_, content := write(t, h.dir, "file", 1024)
			p := h.visitor()
			p.asks("file")
			p.say(test.says...)
			_ = p.conn.CloseWithError(uint64(test.code), "")
			if r := h.ended(); test.want >= 0 {
				wantKind(t, r, test.want)
			} else {
				wantDone(t, r, content)
			}
			await(t, h.server, func(s transfer.Status) bool { return len(s.Running) == 0 && s.Sent.Files+s.Sent.Failed == 1 })
		})
	}
}

// TestCloseBeforeTheEnd: a close that says all is well, when the server has not
// even sent everything, is no confirmation of anything.
func TestCloseBeforeTheEnd(t *testing.T) {
	h := open(t, transfer.ServerConfig{Serve: true}, nil)
	write(t, h.dir, "file", 100<<20)
	p := h.visitor()
	p.say(&xfer.Hello{}, &xfer.Request{Name: "file"})
	if _, err := p.conn.AcceptBulk(soon(t)); err != nil {
		t.Fatal(err)
	}
	_ = p.conn.Close()
	wantKind(t, h.ended(), transfer.KindConnection)
}

// TestDoneAndCloseTogether: DONE and close reach the server at once, or the close
// before the DONE.
func TestDoneAndCloseTogether(t *testing.T) {
	for name, test := range map[string]struct {
		code     xfer.Code
		reversed bool
	}{
		"together":        {xfer.CodeCancelled, false}, // any code but 0, which would stand for the DONE
		"the close first": {0, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, transfer.ServerConfig{Serve: true}, nil)
			_, content := write(t, h.dir, "file", 1024)
			relay := newFirstFlight(t, h.addr)
			p := (&house{t: t, addr: relay.client.LocalAddr().String()}).visitor()
			end := p.asks("file")
			relay.holds.Store(true)
			p.say(&xfer.Accept{Transfer: end.Transfer}, &xfer.Done{Transfer: end.Transfer, Root: end.Root})
			var held [][]byte
			for range 4 { // an acknowledgement, perhaps; DONE, and copies of it, since nothing answers
				held = append(held, <-relay.held)
			}
			_ = p.conn.CloseWithError(uint64(test.code), "")
			for len(relay.held) > 0 || len(held) < 4+3 {
				held = append(held, <-relay.held)
			}
			if test.reversed {
				slices.Reverse(held)
			}
			for _, datagram := range held {
				if _, err := relay.server.Write(datagram); err != nil {
					t.Fatal(err)
				}
			}
			wantDone(t, h.ended(), content)
		})
	}
}

// TestPartingWithoutAnAnswer: a client that has its file does not wait for the
// server, and the server learns of it.
func TestPartingWithoutAnAnswer(t *testing.T) {
	h := open(t, transfer.ServerConfig{Serve: true}, nil)
	_, content := write(t, h.dir, "file", 1024)
	relay := newFirstFlight(t, h.addr)
	conn, err := transport.Dial(soon(t), relay.client.LocalAddr().String(), &transport.Config{Carrier: transport.UDP})
	if err != nil {
		t.Fatal(err)
	}
	client, err := transfer.NewClient(soon(t), conn)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	r := client.Fetch(soon(t), "file", transfer.Destination{Writer: armed{&got, relay}}, 0, transfer.Options{})
	wantDone(t, r, content)
	begin := time.Now()
	_ = client.Close()
	if took := time.Since(begin); took > 5*time.Second { // half of what is waited for a server that owes an answer
		t.Errorf("closing took %v", took)
	}
	wantDone(t, h.ended(), content)
}

// armed is a writer that cuts the way back off with the first byte.
type armed struct {
	io.Writer
	relay *firstFlight
}

func (a armed) Write(p []byte) (int, error) {
	a.relay.armed.Store(true)
	return a.Writer.Write(p)
}

// TestCloseDuringFetch: a client that is closed while it still writes must not
// let the server believe that the file is there.
func TestCloseDuringFetch(t *testing.T) {
	h := open(t, transfer.ServerConfig{Serve: true}, nil)
	write(t, h.dir, "file", 1024)
	client := h.client()
	drain, target := io.Pipe()
	fetched := make(chan transfer.Result, 1)
	go func() {
		fetched <- client.Fetch(soon(t), "file", transfer.Destination{Writer: target}, 0, transfer.Options{})
	}()
	if _, err := drain.Read(make([]byte, 1)); err != nil { // verified, so END is here
		t.Fatal(err)
	}
	_ = client.Close()
	if r := <-fetched; r.Err == nil {
		t.Error("the fetch is done")
	}
	if r := h.ended(); r.Err == nil {
		t.Error("the server believes that the file is there")
	}
	drain.Close()
}

// TestFetchThatEndsBadlyWhileTheClientParts: the client owes the server a word
// about another file and waits until the server has read it. What becomes of a
// file meanwhile cannot be said on the stream, which has ended, so the code of
// the close has to say it: 0 would mean that the file is there.
func TestFetchThatEndsBadlyWhileTheClientParts(t *testing.T) {
	for name, test := range map[string]struct {
		fails bool
		want  xfer.Code
	}{
		"it fails":            {true, xfer.CodeDisk},
		"it is not over even": {false, xfer.CodeCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := playServer(t)
			drain, target := io.Pipe()
			fetched := make(chan transfer.Result, 1)
			go func() {
				fetched <- client.Fetch(soon(t), "file", transfer.Destination{Writer: target}, 0, transfer.Options{})
			}()
			server.serve(make([]byte, 1024))
			if _, err := drain.Read(make([]byte, 1)); err != nil { // verified, so END is here
				t.Fatal(err)
			}
			wantKind(t, sendOne(t, client, transfer.Source{Path: filepath.Join(t.TempDir(), "missing")}), transfer.KindSource)
			closed := make(chan struct{})
			go func() {
				defer close(closed)
				_ = client.Close()
			}()
			server.hearEnd()
			if test.fails {
				drain.CloseWithError(errBroken)
				wantKind(t, <-fetched, transfer.KindDestination)
			}
			if err := server.stream.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			server.wantClosed(test.want)
			<-closed
			if !test.fails {
				drain.Close()
				if r := <-fetched; r.Err == nil {
					t.Error("the fetch is done")
				}
			}
		})
	}
}

// playServer connects a client to a server that the test plays.
func playServer(t *testing.T) (*transfer.Client, *peer) {
	t.Helper()
	listener, err := transport.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	conn, err := transport.Dial(soon(t), listener.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	client, err := transfer.NewClient(soon(t), conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	accepted, err := listener.Accept(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := accepted.AcceptStream(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	return client, &peer{t: t, conn: accepted, stream: stream}
}

// serve sends what the client asks for, a file of one chunk.
func (p *peer) serve(content []byte) {
	p.t.Helper()
	p.say(&xfer.Hello{Abilities: xfer.AbilitySends})
	request, ok := p.hear().(*xfer.Request)
	for !ok {
		request, ok = p.hear().(*xfer.Request)
	}
	bulk, err := p.conn.OpenBulk(soon(p.t))
	if err != nil {
		p.t.Fatal(err)
	}
	entry := xfer.NewEntry(bulk.ID(), request.Name)
	p.say(&xfer.Offer{Answers: &request.ID, Entries: []xfer.Entry{entry}})
	p.send(bulk, content)
	chunk := xfer.HashChunk(content)
	size := uint64(len(content))
	p.say(&xfer.Chunk{Transfer: bulk.ID(), Hash: chunk}, &xfer.End{Transfer: bulk.ID(), Size: size, Root: xfer.Root(size, []xfer.Hash{chunk})})
}

// hearEnd reads until the other side has ended its direction.
func (p *peer) hearEnd() {
	p.t.Helper()
	if err := p.stream.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		p.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, p.stream); err != nil {
		p.t.Fatal(err)
	}
}
