package transfer_test

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"

	"example.com/uft/internal/xfer"
	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// TestRequestsTakeTurns: eight files are sent at once, and one more whenever one
// is over, in the order in which they were asked for.
func TestRequestsTakeTurns(t *testing.T) {
	const count, atOnce = 20, 8
	h := open(t, transfer.ServerConfig{Serve: true}, nil)
	_, _ = write(t, h.dir, "file", 5)
	p := h.visitor()
	p.say(&xfer.Hello{})
	for id := range uint64(count) {
		p.say(&xfer.Request{ID: id, Name: "file"})
	}
	var sending []uint16
	next := func() (answers uint64) {
		for {
			switch m := p.hear().(type) {
			case *xfer.Offer:
				sending = append(sending, m.Entries[0].Transfer)
				answers = *m.Answers
			case *xfer.End:
				return answers
			}
		}
	}
	for range atOnce {
		if answers := next(); answers >= atOnce {
			t.Errorf("request %d is answered among the first", answers)
		}
	}
	// Whatever was begun by now is heard before the answer to this.
	_ = p.offer("unwanted", 1)
	for refused := false; !refused; {
		switch m := p.hear().(type) {
		case *xfer.Offer:
			t.Fatalf("request %d is answered while %d files are under way", *m.Answers, atOnce)
		case *xfer.Refuse:
			refused = true
		}
	}
	for want := uint64(atOnce); want < count; want++ {
		first := sending[0]
		sending = sending[1:]
		p.say(&xfer.Refuse{Transfer: &first, Code: xfer.CodeCancelled})
		if answers := next(); answers != want {
			t.Errorf("request %d is answered, and it was the turn of %d", answers, want)
		}
	}
}

// TestHundredsOfRequests: neither side stops to read because of what it has to
// say itself. The server answers what is too much with BUSY.
func TestHundredsOfRequests(t *testing.T) {
	h := open(t, transfer.ServerConfig{Serve: true}, nil)
	client := h.client()
	name := strings.Repeat("n", 255)
	var fetches sync.WaitGroup
	for range 3000 {
		fetches.Go(func() {
			r := client.Fetch(soon(t), name, transfer.Destination{Writer: io.Discard}, 0, transfer.Options{})
			if kind := transfer.KindOf(r.Err); kind != transfer.KindSource && kind != transfer.KindRefused {
				t.Error(r.Err)
			}
		})
	}
	fetches.Wait()
}

// TestFailureGivesCreditBack: the bytes of a file that fails while its first
// chunk is missing are as good as read, and leave room for the next file.
func TestFailureGivesCreditBack(t *testing.T) {
	_, content := write(t, t.TempDir(), "file", 3<<20)
	most := 7<<20 + int(tight.BulkMemory)
	taken := make(chan struct{}) // the client has all of them
	addr := host(t, func(p *peer) {
		p.hear() // HELLO
		p.say(&xfer.Hello{Abilities: xfer.AbilitySends})
		broken := p.answer(0)
		broken.Skip(1 << 20)
		// Seven chunks fit ahead of the first; then the credit is used up.
		p.fill(broken, most)
		<-taken
		p.say(&xfer.Error{Transfer: broken.ID(), Code: xfer.CodeSourceChanged})
		broken.Reset(uint64(xfer.CodeSourceChanged))

		good := p.answer(1)
		var hashes []xfer.Hash
		for i := range 3 {
			hashes = append(hashes, xfer.HashChunk(content[i<<20:(i+1)<<20]))
			p.say(&xfer.Chunk{Transfer: good.ID(), Index: uint64(i), Hash: hashes[i]})
		}
		p.say(&xfer.End{Transfer: good.ID(), Size: 3 << 20, Root: xfer.Root(3<<20, hashes)})
		p.send(good, content)
		for done := false; !done; {
			_, done = p.hear().(*xfer.Done)
		}
	})
	conn, err := transport.Dial(soon(t), addr, tight)
	if err != nil {
		t.Fatal(err)
	}
	client, err := transfer.NewClient(soon(t), conn)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var out bytes.Buffer
	var once sync.Once
	r := client.Fetch(soon(t), "broken", transfer.Destination{Writer: io.Discard}, 0, transfer.Options{Progress: func(u transfer.Update) {
		if u.Bytes == int64(most) {
			once.Do(func() { close(taken) })
		}
	}})
	wantKind(t, r, transfer.KindIntegrity)
	wantDone(t, client.Fetch(soon(t), "good", transfer.Destination{Writer: &out}, 0, transfer.Options{}), content)
}

// host is a server that the test plays, for one client. It returns its address.
func host(t *testing.T, play func(p *peer)) (addr string) {
	t.Helper()
	listener, err := transport.Listen("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	var played sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		played.Wait()
	})
	played.Go(func() {
		conn, err := listener.Accept(soon(t))
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		stream, err := conn.AcceptStream(soon(t))
		if err != nil {
			t.Error(err)
			return
		}
		play(&peer{t: t, conn: conn, stream: stream})
		if err := stream.CloseWrite(); err != nil {
			t.Error(err)
		}
		<-conn.Done()
	})
	return listener.Addr().String()
}

// answer waits for a request and offers a file of unknown size for it.
func (p *peer) answer(request uint64) *transport.BulkSender {
	p.t.Helper()
	for asked := false; !asked; {
		_, asked = p.hear().(*xfer.Request)
	}
	bulk, err := p.conn.OpenBulk(soon(p.t))
	if err != nil {
		p.t.Fatal(err)
	}
	p.say(&xfer.Offer{ID: [16]byte{byte(request)}, Answers: &request, Entries: []xfer.Entry{xfer.NewEntry(bulk.ID(), "file")}})
	return bulk
}

// fill sends n bytes and does not end the file.
func (p *peer) fill(bulk *transport.BulkSender, n int) {
	p.t.Helper()
	for n > 0 {
		buf, err := bulk.Buffer(soon(p.t))
		if err != nil {
			p.t.Fatal(err)
		}
		part := min(n, len(buf))
		n -= part
		if err := bulk.Send(buf[:part]); err != nil {
			p.t.Fatal(err)
		}
	}
}
