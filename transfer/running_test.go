package transfer_test

import (
	"io"
	"testing"
	"time"

	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// await waits for a status of the server that fits.
func await(t *testing.T, server *transfer.Server, fits func(transfer.Status) bool) transfer.Status {
	t.Helper()
	ctx := soon(t)
	for {
		status, changed := server.Status()
		if fits(status) {
			return status
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("the status stays %+v", status)
		}
	}
}

// TestStatus: a transfer is in it while it runs, and counted when it is over.
func TestStatus(t *testing.T) {
	h := open(t, transfer.ServerConfig{Accept: true, Serve: true}, nil)
	if s, _ := h.server.Status(); len(s.Running) != 0 || s.Since.IsZero() || time.Since(s.Since) < 0 {
		t.Errorf("at the start: %+v", s)
	}
	// Where UDP has no answer for a second a client tries TCP beside it.
	client := h.clientWith(&transport.Config{Carrier: transport.UDP})
	source, feed := io.Pipe()
	sent := make(chan []transfer.Result, 1)
	go func() {
		sent <- client.Send(soon(t), []transfer.Source{{Reader: source, Name: "slow"}}, transfer.Options{})
	}()
	if _, err := feed.Write(make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	s := await(t, h.server, func(s transfer.Status) bool { return len(s.Running) == 1 })
	r := s.Running[0]
	if r.ID != 1 || r.Name != "slow" || r.Sending || r.Carrier != transport.UDP || r.Client == nil || r.Begun.Before(s.Since) ||
		r.Total != -1 || r.Loss != 0 {
		t.Errorf("receiving: %+v", r)
	}
	feed.Close()
	if result := (<-sent)[0]; result.Err != nil {
		t.Fatal(result.Err)
	}
	s = await(t, h.server, func(s transfer.Status) bool { return len(s.Running) == 0 })
	if want := (transfer.Total{Files: 1, Bytes: 100_000}); s.Received != want || s.Sent != (transfer.Total{}) {
		t.Errorf("after receiving: %+v", s)
	}

	drain, target := io.Pipe()
	fetched := make(chan transfer.Result, 1)
	write(t, h.dir, "large", 100_000_000)
	go func() {
		fetched <- client.Fetch(soon(t), "large", transfer.Destination{Writer: target}, 0, transfer.Options{})
		target.Close()
	}()
	s = await(t, h.server, func(s transfer.Status) bool { return len(s.Running) == 1 })
	if r := s.Running[0]; r.ID != 2 || r.Name != "large" || !r.Sending || r.Total != 100_000_000 || r.RTT <= 0 {
		t.Errorf("sending: %+v", r)
	}
	if _, err := io.Copy(io.Discard, drain); err != nil {
		t.Fatal(err)
	}
	if result := <-fetched; result.Err != nil {
		t.Fatal(result.Err)
	}
	// A request that is refused never runs, and has come to nothing all the same.
	wantKind(t, client.Fetch(soon(t), "nothing", transfer.Destination{Writer: io.Discard}, 0, transfer.Options{}), transfer.KindSource)
	s = await(t, h.server, func(s transfer.Status) bool { return s.Sent.Files+s.Sent.Failed == 2 })
	if want := (transfer.Total{Files: 1, Bytes: 100_000_000, Failed: 1}); s.Sent != want || len(s.Running) != 0 {
		t.Errorf("at the end: %+v", s)
	}
}
