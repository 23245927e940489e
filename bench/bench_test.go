package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSetSize(t *testing.T) {
	for s, want := range map[string]int64{"1": 1, "64K": 64 << 10, "256M": 256 << 20, "2G": 2 << 30, "2GiB": 2 << 30} {
		var got int64
		if err := setSize(&got, s); err != nil || got != want {
			t.Errorf("setSize(%q) = %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "G", "-1M", "1T", "1MM", "1.5G", "9999999999G"} {
		var got int64
		if err := setSize(&got, s); err == nil {
			t.Errorf("setSize(%q) = %d, want an error", s, got)
		}
	}
}

func TestMedianAndMost(t *testing.T) {
	figures := []time.Duration{5 * time.Millisecond, time.Millisecond, 3 * time.Millisecond, 4 * time.Millisecond}
	if got := median(figures, milliseconds); got != 3.5 {
		t.Errorf("the median of four is %v, want 3.5", got)
	}
	if got := median(figures[:3], milliseconds); got != 3 {
		t.Errorf("the median of three is %v, want 3", got)
	}
	if got := median(nil, milliseconds); got != 0 {
		t.Errorf("the median of nothing is %v, want 0", got)
	}
	if got := most(figures, func(d time.Duration) int64 { return d.Milliseconds() }); got != 5 {
		t.Errorf("the most is %d, want 5", got)
	}
}

func TestResult(t *testing.T) {
	r := result{
		bytes: 1 << 30, elapsed: 2 * time.Second,
		client: usage{cpu: time.Second}, server: usage{cpu: 500 * time.Millisecond},
	}
	if got, want := r.gbits(), 4.294967296; got != want {
		t.Errorf("goodput is %v Gbit/s, want %v", got, want)
	}
	if got := r.cpuPerGiB(); got != 1.5 {
		t.Errorf("it costs %v CPU seconds per GiB, want 1.5", got)
	}
}

func TestRatiosNameTheBestPeer(t *testing.T) {
	at := func(s subject, seconds int) *series {
		return &series{subject: s, results: []result{{bytes: 1 << 30, elapsed: time.Duration(seconds) * time.Second}}}
	}
	got := ratios([]*series{at(pipe, 2), at(uftSend, 4), at(uftFetch, 2), at(scp, 16), at(quicCopy, 8)})
	want := [][]string{{"uft ÷ pipe", "0.50", "1.00"}, {"uft ÷ best encrypted peer (quic-go)", "2.00", "4.00"}}
	if len(got) != len(want) {
		t.Fatalf("ratios are %q, want %q", got, want)
	}
	for i := range want {
		for j := range want[i] {
			if got[i][j] != want[i][j] {
				t.Errorf("ratios are %q, want %q", got, want)
			}
		}
	}
}

func TestTrainOpens(t *testing.T) {
	keys, err := benchKeys()
	if err != nil {
		t.Fatal(err)
	}
	blocks := bytes.Repeat([]byte("block of a file "), trainBytes/16)
	s := sealer{keys: keys}
	train := s.seal(blocks, 1<<33)
	if len(train) != trainBlocks*datagramSize {
		t.Fatalf("the train has %d bytes, want %d datagrams of %d", len(train), trainBlocks, datagramSize)
	}
	var opened []byte
	for at := 0; at < len(train); at += datagramSize {
		offset, block, err := open(keys, train[at:at+datagramSize])
		if err != nil || offset != 1<<33+int64(len(opened)) {
			t.Fatalf("datagram at %d: offset %d, %v", at, offset, err)
		}
		opened = append(opened, block...)
	}
	if !bytes.Equal(opened, blocks) {
		t.Error("what was opened is not what was sealed")
	}
	if _, _, err := open(keys, s.seal(blocks[:5], 0)[1:]); err == nil {
		t.Error("a datagram without its first byte opens")
	}
}

// TestPipe moves a file between two workers in this process.
func TestPipe(t *testing.T) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	source, copied := filepath.Join(dir, "source"), filepath.Join(dir, "copy")
	if err := writeRandom(source, 4<<20, 1); err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + text(port)
	received := make(chan error, 1)
	go func() { received <- pipeReceive(address, copied, time.Minute) }()
	// The copy is created after the socket is opened, and before it is read.
	for {
		if _, err := os.Stat(copied); err == nil {
			break
		}
		select {
		case err := <-received:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
	if err := pipeSend(address, source, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := <-received; err != nil {
		t.Fatal(err)
	}
	if err := same(source, copied); err != nil {
		t.Fatal(err)
	}
}

// TestPipeNoticesLoss: a pipeline that went on without a datagram would
// measure something else.
func TestPipeNoticesLoss(t *testing.T) {
	keys, err := benchKeys()
	if err != nil {
		t.Fatal(err)
	}
	s, r := sealer{keys: keys}, pipeReceiver{keys: keys}
	if err := r.datagram(s.seal(make([]byte, blockSize), 0)); err != nil {
		t.Fatal(err)
	}
	if err := r.datagram(s.seal(make([]byte, blockSize), 2*blockSize)); err == nil {
		t.Error("the receiver did not notice that a block is missing")
	}
}

// TestFailedProcess: the error holds what the program said.
func TestFailedProcess(t *testing.T) {
	p, err := start(&rig{state: t.TempDir()}, nil, "sh", "-c", "echo no such thing >&2; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.wait(context.Background())
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte("no such thing")) {
		t.Errorf("the error is %v", err)
	}
}
