package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"example.com/uft/internal/cli/term"
	"example.com/uft/internal/udp"
)

// loopbackTime is how long datagrams are sent over loopback.
const loopbackTime = 300 * time.Millisecond

// checkLoopback measures how many datagrams a second the machine moves from one
// goroutine to another through the sockets that transfers use, with nothing
// else to do.
func checkLoopback(ctx context.Context, _ Options) []Finding {
	datagrams, elapsed, err := runLoopback(ctx, loopbackTime)
	if err != nil || datagrams == 0 {
		return []Finding{{
			Check: "loopback", Verdict: Fix, Text: fmt.Sprintf("no datagram comes over 127.0.0.1: %v", err),
			Fix: "bring it up: ip link set lo up; and see that no firewall filters it",
		}}
	}
	perSecond := float64(datagrams) / elapsed.Seconds()
	bits := perSecond * trainSegment * 8
	return []Finding{{
		Check: "loopback", Verdict: OK,
		Text:   fmt.Sprintf("%.0f thousand datagrams a second, %s, unencrypted", perSecond/1000, term.Rate(bits)),
		Values: map[string]any{"datagrams_per_second": int64(perSecond), "bits_per_second": int64(bits)},
	}}
}

// runLoopback sends trains as fast as it can for a time, and counts the
// datagrams that arrive within it.
func runLoopback(ctx context.Context, limit time.Duration) (datagrams int, elapsed time.Duration, err error) {
	in, err := udp.Listen("127.0.0.1:0")
	if err != nil {
		return 0, 0, err
	}
	out, err := udp.Listen("127.0.0.1:0")
	if err != nil {
		_ = in.Close()
		return 0, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	// The end of the time ends a read that waits.
	context.AfterFunc(ctx, func() { _ = in.Close() })
	var sender sync.WaitGroup
	defer sender.Wait()
	sender.Go(func() {
		defer out.Close() //nolint:errcheck // nothing is lost with it
		train := make([]byte, trainSegment*trainSegments)
		for ctx.Err() == nil {
			if err := out.WriteTrain(train, trainSegment, in.LocalAddr(), netip.AddrPort{}); err != nil {
				return
			}
		}
	})
	begin := time.Now()
	buf := make([]byte, udp.MaxTrain)
	for ctx.Err() == nil {
		n, _, _, _, _, readErr := in.ReadTrain(buf)
		if readErr != nil {
			if ctx.Err() == nil {
				err = readErr
			}
			break
		}
		datagrams += n / trainSegment
	}
	elapsed = time.Since(begin)
	cancel()
	return datagrams, elapsed, err
}
