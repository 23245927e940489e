package e2e

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"example.com/uft/internal/link"
)

// TestShortTransfersAreShort moves many files of 1 KiB, one connection each,
// through a network that loses a fifth and damages a fiftieth. None may fail.
//
// Half of them have to be through in 4 round trips and 300 ms: a handshake and
// a transfer take 3 or 4 round trips, and 300 ms is one repair on a path of
// unknown length. The bound is held only in full: it is about the network, and
// on a machine that tests other packages at the same time the start of each
// process alone may take longer. A machine with other work can make them late,
// and hardly early, so the best of three rounds counts.
func TestShortTransfersAreShort(t *testing.T) {
	besideOthers(t)
	const oneWay = 25 * time.Millisecond
	const bound = 4*2*oneWay + 300*time.Millisecond
	bad := link.Config{Loss: 0.2, Corrupt: 0.02, Delay: oneWay}

	server := newHost(t)
	service := server.start("uft", "-a", "-p", "0")
	_, address := badNetwork(t, service.port(), bad)
	f := shortFiles{t: t, server: server}
	f.hostName, f.port = split(t, address)

	// A client that knows nothing of the server, and one that has met it, are
	// told apart: the second one sends its file in the first flight.
	friend := newHost(t)
	for _, kind := range []struct {
		name   string
		client func() *host
	}{
		{"stranger", func() *host { return newHost(t) }},
		{"friend", func() *host { return friend }},
	} {
		for round := 1; ; round++ {
			median := f.round(fmt.Sprintf("%s-%d", kind.name, round), kind.client)
			if !everything || median <= bound {
				break
			}
			if round == 3 {
				t.Errorf("the median of a %s is %v, more than 4 round trips and 300 ms (%v)", kind.name, median, bound)
				break
			}
		}
	}
	service.mustStop()
}

// shortFiles are files of 1 KiB on their way to one server.
type shortFiles struct {
	t              *testing.T
	server         *host
	hostName, port string
}

// round sends many of them, each from its client and with a name that begins with
// what is given, and returns the median of the times.
func (f *shortFiles) round(prefix string, client func() *host) time.Duration {
	f.t.Helper()
	count := fullSize(100, 10)
	times := make([]time.Duration, count)
	var group sync.WaitGroup
	turns := make(chan struct{}, 4) // at the same time, as each mostly waits
	for i := range count {
		client := client()
		name := fmt.Sprintf("%s-%d", prefix, i)
		contents := randomBytes(uint64(i), 1024)
		client.write(name, contents)
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			sent := client.start("uft", f.hostName, "-p", f.port, "-t", name)
			if code := sent.wait(patience); code != 0 {
				f.t.Errorf("%s ended with %d after %v", name, code, sent.took)
			}
			f.server.mustHold(name, contents)
			times[i] = sent.took
		})
	}
	group.Wait()
	slices.Sort(times)
	median := times[count/2]
	f.t.Logf("%d transfers %s: median %v, 9 of 10 within %v, slowest %v", count, prefix,
		median.Round(time.Millisecond), times[count*9/10].Round(time.Millisecond), times[count-1].Round(time.Millisecond))
	return median
}
