package tcp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"testing"
	"time"
)

// pair returns the two ends of a TCP connection on this machine.
func pair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err = net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// carriers returns the two carriers of a connection. resumed is told when the
// client's is writable again.
func carriers(t *testing.T) (client, server *Carrier, resumed chan struct{}) {
	t.Helper()
	a, b := pair(t)
	resumed = make(chan struct{}, 1)
	client = Client(a, func() { resumed <- struct{}{} })
	server = Server(b, func() {})
	t.Cleanup(client.Close)
	t.Cleanup(server.Close)
	return client, server, resumed
}

// TestTrains sends trains of all kinds both ways and gets back the same ones.
func TestTrains(t *testing.T) {
	client, server, _ := carriers(t)
	random := rand.New(rand.NewPCG(1, 0))
	type sent struct {
		bytes   []byte
		segment int
	}
	var trains []sent
	for range 200 {
		b := make([]byte, 1+random.IntN(MaxTrain))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		trains = append(trains, sent{b, 1 + random.IntN(len(b))})
	}
	trains = append(trains, sent{[]byte{7}, 1}, sent{make([]byte, MaxTrain), MaxTrain}, sent{[]byte{1, 2}, 1000})
	check := func(from, to *Carrier) {
		go func() {
			for _, s := range trains {
				err := from.WriteTrain(s.bytes, s.segment)
				for ; errors.Is(err, ErrFull); err = from.WriteTrain(s.bytes, s.segment) {
					runtime.Gosched()
				}
				if err != nil {
					t.Errorf("writing: %v", err)
				}
			}
		}()
		buf := make([]byte, MaxTrain)
		for i, s := range trains {
			n, segment, err := to.ReadTrain(buf)
			if err != nil || !bytes.Equal(buf[:n], s.bytes) || segment != min(s.segment, len(s.bytes)) {
				t.Fatalf("train %d of %d bytes in %d: got %d in %d, %v", i, len(s.bytes), s.segment, n, segment, err)
			}
		}
	}
	check(client, server)
	check(server, client)
	if client.LocalAddr() != server.RemoteAddr() || client.RemoteAddr() != server.LocalAddr() {
		t.Errorf("addresses: %v %v %v %v", client.LocalAddr(), client.RemoteAddr(), server.LocalAddr(), server.RemoteAddr())
	}
}

// TestWritable fills a carrier that nobody reads. It takes what it is given and
// says that it wants no more, until it is read.
func TestWritable(t *testing.T) {
	client, server, resumed := carriers(t)
	train := make([]byte, 60_000)
	written := 0
	for client.Writable() {
		if err := client.WriteTrain(train, 1000); err != nil {
			t.Fatal(err)
		}
		if written++; written > 10_000 {
			t.Fatal("a connection that nobody reads takes everything")
		}
	}
	if err := client.WriteTrain(train, 1000); err != nil {
		t.Errorf("a train beyond: %v", err)
	}
	buf := make([]byte, MaxTrain)
	for range written + 1 {
		if _, _, err := server.ReadTrain(buf); err != nil {
			t.Fatal(err)
		}
	}
	<-resumed
	if !client.Writable() {
		t.Error("empty, and not writable")
	}
}

// TestQueueIsBounded: who does not ask Writable is stopped.
func TestQueueIsBounded(t *testing.T) {
	a, b := net.Pipe() // which takes nothing unless it is read
	client, server := Client(a, func() {}), Server(b, func() {})
	defer server.Close()
	defer client.Close()
	train := make([]byte, MaxTrain)
	var err error
	written := 0
	for ; err == nil && written < 10_000; written++ {
		err = client.WriteTrain(train, 1000)
	}
	if !errors.Is(err, ErrFull) {
		t.Fatalf("10,000 trains were taken: %v", err)
	}
	if limit := 2 * queueBound / MaxTrain; written > limit {
		t.Errorf("%d trains were taken, more than %d", written, limit)
	}
	client.Discard()
	if err := client.WriteTrain([]byte("last"), 4); err != nil {
		t.Errorf("after Discard: %v", err)
	}
	buf := make([]byte, MaxTrain)
	for n, read := 0, 0; n != 4; read++ {
		if n, _, err = server.ReadTrain(buf); err != nil || read >= written-1 {
			t.Fatalf("after %d trains of %d: %v", read, written, err)
		}
	}
}

// TestFinish delivers what was queued, and waits for the other side's end.
func TestFinish(t *testing.T) {
	client, server, _ := carriers(t)
	train := make([]byte, 12_000)
	for range 20 {
		if err := client.WriteTrain(train, 1000); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if _, _, err := client.ReadTrain(make([]byte, MaxTrain)); err == nil {
			t.Error("a train from nowhere")
		}
	}()
	finished := make(chan struct{})
	go func() {
		client.Finish(time.Hour, ended)
		close(finished)
	}()
	buf := make([]byte, MaxTrain)
	for range 20 {
		if _, _, err := server.ReadTrain(buf); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := server.ReadTrain(buf); !errors.Is(err, io.EOF) {
		t.Errorf("after the last train: %v", err)
	}
	select {
	case <-finished:
		t.Error("the client did not wait for the server's end")
	default:
	}
	server.Close()
	<-finished
	if err := client.WriteTrain(train, 1000); !errors.Is(err, net.ErrClosed) {
		t.Errorf("written after the end: %v", err)
	}
	if client.Writable() {
		t.Error("writable after the end")
	}
}

// TestStrangers: what is not this protocol is recognised from its first bytes,
// and a server does not answer it.
func TestStrangers(t *testing.T) {
	frame := func(length, segment uint16, body string) string {
		b := binary.BigEndian.AppendUint16(nil, length)
		return preface + string(binary.BigEndian.AppendUint16(b, segment)) + body
	}
	for _, test := range []struct {
		name, text string
		want       error // nil: any
	}{
		{"HTTP", "GET / HTTP/1.1\r\n\r\n", ErrPreface},
		{"another version", "uft2xxxx", ErrPreface},
		{"nothing", "", io.EOF},
		{"half a preface", "uf", io.ErrUnexpectedEOF},
		{"an empty train", frame(0, 0, ""), nil},
		{"datagrams of nothing", frame(3, 0, "abc"), nil},
		{"datagrams beyond the train", frame(3, 4, "abc"), nil},
		{"half a header", preface + "\x00", io.ErrUnexpectedEOF},
		{"half a train", frame(9, 3, "abc"), io.ErrUnexpectedEOF},
	} {
		t.Run(test.name, func(t *testing.T) {
			stranger, conn := pair(t)
			server := Server(conn, func() {})
			defer server.Close()
			if _, err := stranger.Write([]byte(test.text)); err != nil {
				t.Fatal(err)
			}
			_ = stranger.(*net.TCPConn).CloseWrite()
			if _, _, err := server.ReadTrain(make([]byte, MaxTrain)); err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			server.Close()
			answer, _ := io.ReadAll(stranger)
			if test.want != nil && test.want == ErrPreface && len(answer) > 0 {
				t.Errorf("answered a stranger %q", answer)
			}
		})
	}
	t.Run("a train longer than the buffer", func(t *testing.T) {
		stranger, conn := pair(t)
		server := Server(conn, func() {})
		defer server.Close()
		if _, err := stranger.Write([]byte(frame(500, 100, ""))); err != nil {
			t.Fatal(err)
		}
		if _, _, err := server.ReadTrain(make([]byte, 499)); err == nil {
			t.Error("read beyond the buffer")
		}
	})
}

// TestBroken: when the connection breaks, both the reader and the writer find
// out, and closing does not wait for anything.
func TestBroken(t *testing.T) {
	client, server, _ := carriers(t)
	if err := client.WriteTrain([]byte("abc"), 3); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, MaxTrain)
	if _, _, err := server.ReadTrain(buf); err != nil {
		t.Fatal(err)
	}
	server.Close()
	for {
		if _, _, err := client.ReadTrain(buf); err != nil {
			break
		}
	}
	for client.WriteTrain(make([]byte, 50_000), 1000) == nil {
		continue // the system takes some before it finds out
	}
	if client.Writable() {
		t.Error("writable, and broken")
	}
}

// FuzzReadTrain reads whatever a stranger may send.
func FuzzReadTrain(f *testing.F) {
	f.Add([]byte(preface + "\x00\x03\x00\x02abc"))
	f.Add([]byte(preface))
	f.Add([]byte("GET /"))
	f.Fuzz(func(t *testing.T, data []byte) {
		near, far := net.Pipe()
		server := Server(near, func() {})
		go func() { _, _ = io.Copy(io.Discard, far) }()
		go func() { _, _ = far.Write(data); far.Close() }()
		buf := make([]byte, 2000)
		for {
			n, segment, err := server.ReadTrain(buf)
			if err != nil {
				break
			}
			if n <= 0 || n > len(buf) || segment <= 0 || segment > n {
				t.Fatalf("a train of %d in %d", n, segment)
			}
		}
		server.Close()
		near.Close()
	})
}
