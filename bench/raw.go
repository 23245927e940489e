package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"example.com/uft/internal/udp"
)

// The raw ceiling: trains from one process to another as fast as they go. No
// file, no hash, and nobody minds the losses: what counts is what the receiver
// has opened between its first train and its last.
var (
	rawPlain = subject{
		name: "raw-plain", role: ceiling,
		about: "trains of 61 datagrams of 1064 bytes (UDP_SEGMENT, UDP_GRO), one sender, one receiver, not sealed, not read; counted as for `raw`",
		run: func(ctx context.Context, r *rig, n network) (result, error) {
			return runRaw(ctx, r, n, "plain")
		},
	}
	rawSealed = subject{
		name: "raw", role: ceiling,
		about: "the same datagrams, each sealed and opened in place with AES-128-GCM; what is lost is not counted; the receiver's time from its first train to its last",
		run: func(ctx context.Context, r *rig, n network) (result, error) {
			return runRaw(ctx, r, n, "sealed")
		},
	}
)

// runRaw runs the two workers.
func runRaw(ctx context.Context, r *rig, n network, how string) (result, error) {
	port, err := freePort()
	if err != nil {
		return result{}, err
	}
	return pair{
		server:   []string{r.self, "worker", "raw-receive", how, fmt.Sprintf("%s:%d", n.addr, port)},
		client:   []string{r.self, "worker", "raw-send", how, fmt.Sprintf("%s:%d", n.addr, port), fmt.Sprint(r.size)},
		protocol: "udp", port: port,
		figures: func(_, server string) (int64, time.Duration, string, error) {
			var bytes, nanoseconds int64
			if _, err := fmt.Fscan(strings.NewReader(server), &bytes, &nanoseconds); err != nil || bytes == 0 || nanoseconds <= 0 {
				return 0, 0, "", fmt.Errorf("the receiver says %q", server)
			}
			sent := r.size / trainBytes * trainBytes
			note := fmt.Sprintf("%.0f %% lost", float64(sent-bytes)*100/float64(sent))
			return bytes, time.Duration(nanoseconds), note, nil
		},
	}.run(ctx, r, n)
}

// rawEnds is how often, and rawEndPause in what distance, the sender says that
// it is done: the first ones meet a full buffer.
const (
	rawEnds     = 10
	rawEndPause = 20 * time.Millisecond
)

// rawSend is the worker that sends as many whole trains of blocks as there are
// in size bytes.
func rawSend(sealed bool, address string, size int64, limit time.Duration) error {
	conn, remote, err := dial(address, limit)
	if err != nil {
		return err
	}
	defer conn.Close()
	s := sealer{}
	if s.keys, err = benchKeys(); err != nil {
		return err
	}
	blocks := make([]byte, trainBytes)
	train := s.seal(blocks, 0)
	for offset := int64(0); offset+trainBytes <= size; offset += trainBytes {
		if sealed {
			train = s.seal(blocks, offset)
		}
		if err := conn.WriteTrain(train, datagramSize, remote, netip.AddrPort{}); err != nil {
			return err
		}
	}
	for range rawEnds {
		if err := conn.WriteTrain([]byte{kindEnd}, 1, remote, netip.AddrPort{}); err != nil {
			return err
		}
		time.Sleep(rawEndPause)
	}
	return nil
}

// rawReceive is the worker that counts: it prints the bytes of blocks and the
// nanoseconds from the first train to the last.
func rawReceive(sealed bool, address string, limit time.Duration) error {
	conn, err := endpoint(address, limit)
	if err != nil {
		return err
	}
	defer conn.Close()
	keys, err := benchKeys()
	if err != nil {
		return err
	}
	buf := make([]byte, udp.MaxTrain)
	var bytes int64
	var first, last time.Time
	for {
		n, segment, _, _, _, err := conn.ReadTrain(buf)
		if err != nil {
			return err
		}
		if buf[0] == kindEnd && n <= rawEnds {
			break
		}
		if first.IsZero() {
			first = time.Now()
		}
		if !sealed {
			bytes += int64(n / datagramSize * blockSize)
			continue
		}
		for at := 0; at < n; at += segment {
			_, block, err := open(keys, buf[at:min(at+segment, n)])
			if err != nil {
				return err
			}
			bytes += int64(len(block))
		}
		last = time.Now()
	}
	if !sealed {
		last = time.Now()
	}
	fmt.Println(bytes, last.Sub(first).Nanoseconds())
	return nil
}
