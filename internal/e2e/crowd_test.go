package e2e

import (
	"fmt"
	"testing"
	"time"
)

// TestCrowd sends from many clients at once to one port of one server.
func TestCrowd(t *testing.T) {
	clients := fullSize(30, 10)
	const size = 1 << 20
	server := newHost(t)
	service := server.start("uft", "-a", "-p", "0")
	port := service.port()

	senders := make([]*process, clients)
	began := time.Now()
	for i := range senders {
		client := newHost(t)
		client.write(name(i), randomBytes(uint64(i), size))
		senders[i] = client.start("uft", "127.0.0.1", "-p", port, "-t", name(i))
	}
	var slowest time.Duration
	for i, sent := range senders {
		sent.mustEnd(0, crossing)
		slowest = max(slowest, sent.took)
		server.mustHold(name(i), randomBytes(uint64(i), size))
	}
	t.Logf("%d clients at once, %d bytes each: all done after %.2f s, the slowest took %.2f s", clients, size, time.Since(began).Seconds(), slowest.Seconds())
	service.mustStop()
}

// name is that of the file of a client.
func name(i int) string { return fmt.Sprintf("file-%d", i) }
