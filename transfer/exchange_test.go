package transfer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// pair is the two ends of an exchange: what each does, and what came of it.
type pair struct {
	sent, received [2]transfer.Result // of the server, of the client
}

// exchange runs both programs over the loopback interface.
func exchange(t *testing.T, ctx context.Context, server, client transfer.ExchangeConfig, carrier *transport.Config) pair {
	t.Helper()
	listener, err := transport.Listen("127.0.0.1:0", carrier)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var p pair
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		server.Server = true
		p.sent[0], p.received[0] = transfer.Exchange(ctx, conn, server)
	}()
	conn, err := transport.Dial(ctx, listener.Addr().String(), carrier)
	if err != nil {
		t.Fatal(err)
	}
	p.sent[1], p.received[1] = transfer.Exchange(ctx, conn, client)
	<-done
	return p
}

// to is a destination that replaces what is there, as the two programs do.
func to(path string) *transfer.Destination {
	return &transfer.Destination{Path: path, Overwrite: true}
}

func TestExchangeOneWay(t *testing.T) {
	for _, size := range sizes {
		dir := t.TempDir()
		path, content := write(t, dir, "source", size)
		target := filepath.Join(dir, "target")
		put(t, target, []byte("what was there before"))
		p := exchange(t, soon(t), transfer.ExchangeConfig{Receive: to(target)}, transfer.ExchangeConfig{Send: &transfer.Source{Path: path}}, nil)
		wantDone(t, p.received[0], content)
		wantDone(t, p.sent[1], content)
		wantFile(t, target, content)
		wantNames(t, dir, "source", "target")
	}
}

func TestExchangeBothWays(t *testing.T) {
	for name, carrier := range map[string]*transport.Config{
		"clean": nil,
		"lossy": {Loss: 0.2, Seed: 7},
		"tight": tight,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			a, contentA := write(t, dir, "a", 3<<20+1)
			b, contentB := write(t, dir, "b", 1<<20)
			toA, toB := filepath.Join(dir, "copy of a"), filepath.Join(dir, "copy of b")
			var greeted [2]atomic.Int32
			p := exchange(t, soon(t),
				transfer.ExchangeConfig{BothWays: true, Send: &transfer.Source{Path: a}, Receive: to(toB), Greeted: func() { greeted[0].Add(1) }},
				transfer.ExchangeConfig{BothWays: true, Send: &transfer.Source{Path: b}, Receive: to(toA), Greeted: func() { greeted[1].Add(1) }}, carrier)
			if server, client := greeted[0].Load(), greeted[1].Load(); server != 1 || client != 1 {
				t.Errorf("greeted %d times and %d times", server, client)
			}
			wantDone(t, p.sent[0], contentA)
			wantDone(t, p.sent[1], contentB)
			wantDone(t, p.received[0], contentB)
			wantDone(t, p.received[1], contentA)
			wantFile(t, toA, contentA)
			wantFile(t, toB, contentB)
			wantNames(t, dir, "a", "b", "copy of a", "copy of b")
		})
	}
}

// TestExchangeOfDifferentKinds: a one-way program meets a both-ways one. Both
// say so, and no file appears.
func TestExchangeOfDifferentKinds(t *testing.T) {
	for _, serverBoth := range []bool{true, false} {
		dir := t.TempDir()
		a, _ := write(t, dir, "a", 1000)
		greeted := func() { t.Error("greeted by a program of the other kind") }
		both := transfer.ExchangeConfig{BothWays: true, Send: &transfer.Source{Path: a}, Receive: to(filepath.Join(dir, "copy")), Greeted: greeted}
		one := transfer.ExchangeConfig{Receive: to(filepath.Join(dir, "copy")), Greeted: greeted}
		server, client := both, transfer.ExchangeConfig{Send: &transfer.Source{Path: a}, Greeted: greeted}
		if !serverBoth {
			server, client = one, both
		}
		p := exchange(t, soon(t), server, client, nil)
		wantKind(t, p.received[0], transfer.KindRefused)
		wantKind(t, p.sent[1], transfer.KindRefused)
		wantNames(t, dir, "a")
	}
}

func TestExchangeWithoutSource(t *testing.T) {
	dir := t.TempDir()
	a, _ := write(t, dir, "a", 1000)
	copyA, copyB := filepath.Join(dir, "copy of a"), filepath.Join(dir, "copy of b")
	p := exchange(t, soon(t),
		transfer.ExchangeConfig{BothWays: true, Send: &transfer.Source{Path: a}, Receive: to(copyB)},
		transfer.ExchangeConfig{BothWays: true, Send: &transfer.Source{Path: filepath.Join(dir, "missing")}, Receive: to(copyA)}, nil)
	wantKind(t, p.sent[1], transfer.KindSource)
	if p.received[0].Err == nil {
		t.Error("the server received a file that is not there")
	}
	if _, err := os.Stat(copyB); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is under the final name: %v", err)
	}
}

func TestExchangeIntoMissingFolder(t *testing.T) {
	dir := t.TempDir()
	a, content := write(t, dir, "a", 1000)
	copyA := filepath.Join(dir, "copy of a")
	p := exchange(t, soon(t),
		transfer.ExchangeConfig{BothWays: true, Send: &transfer.Source{Path: a}, Receive: to(filepath.Join(dir, "no", "copy"))},
		transfer.ExchangeConfig{BothWays: true, Send: &transfer.Source{Path: a}, Receive: to(copyA)}, nil)
	wantKind(t, p.received[0], transfer.KindDestination)
	wantKind(t, p.sent[1], transfer.KindDestination)
	// The other direction is none the worse for it.
	wantDone(t, p.received[1], content)
	wantDone(t, p.sent[0], content)
}

func TestExchangeInterrupted(t *testing.T) {
	dir := t.TempDir()
	a, _ := write(t, dir, "a", 20<<20)
	copyA := filepath.Join(dir, "copy of a")
	ctx, cancel := context.WithCancel(soon(t))
	p := exchange(t, ctx,
		transfer.ExchangeConfig{Receive: to(copyA)},
		transfer.ExchangeConfig{Send: &transfer.Source{Path: a}, Progress: func(u transfer.Update) { cancel() }},
		&transport.Config{FixedRate: 10e6})
	wantKind(t, p.sent[1], transfer.KindInterrupted)
	if p.received[0].Err == nil {
		t.Error("the server received the whole file")
	}
	wantNames(t, dir, "a")
}
