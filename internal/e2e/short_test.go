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
// process alone may take longer.
func TestShortTransfersAreShort(t *testing.T) {
	besideOthers(t)
	const oneWay = 25 * time.Millisecond
	const bound = 4*2*oneWay + 300*time.Millisecond
	bad := link.Config{Loss: 0.2, Corrupt: 0.02, Delay: oneWay}

	server := newHost(t)
	service := server.start("uft", "-a", "-p", "0")
	_, address := badNetwork(t, service.port(), bad)
	hostName, port := split(t, address)

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
		count := fullSize(100, 10)
		times := make([]time.Duration, count)
		var group sync.WaitGroup
		turns := make(chan struct{}, 4) // at the same time, as each mostly waits
		for i := range count {
			client := kind.client()
			name := fmt.Sprintf("%s-%d", kind.name, i)
			contents := randomBytes(uint64(i), 1024)
			client.write(name, contents)
			turns <- struct{}{}
			group.Go(func() {
				defer func() { <-turns }()
				sent := client.start("uft", hostName, "-p", port, "-t", name)
				if code := sent.wait(patience); code != 0 {
					t.Errorf("%s ended with %d after %v", name, code, sent.took)
				}
				server.mustHold(name, contents)
				times[i] = sent.took
			})
		}
		group.Wait()
		slices.Sort(times)
		median := times[count/2]
		t.Logf("%d transfers by a %s: median %v, 9 of 10 within %v, slowest %v", count, kind.name,
			median.Round(time.Millisecond), times[count*9/10].Round(time.Millisecond), times[count-1].Round(time.Millisecond))
		if everything && median > bound {
			t.Errorf("the median of a %s is %v, more than 4 round trips and 300 ms (%v)", kind.name, median, bound)
		}
	}
	service.mustStop()
}
