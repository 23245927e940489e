package e2e

import (
	"testing"
	"time"

	"example.com/uft/internal/link"
)

// The promise: 20 MiB cross the awful network, or a network of which both
// programs throw away 30 %, in under a minute, by every program.
const crossing = 60 * time.Second

var crossingSize = fullSize(20<<20+77, 1<<20+77)

// report prints what a scenario took.
func report(t *testing.T, p *process, size int) {
	t.Helper()
	t.Logf("%s: %d bytes in %.2f s, %.1f Mbit/s", p.line, size, p.took.Seconds(), float64(size)*8/p.took.Seconds()/1e6)
}

func TestUftCrossesAnAwfulNetwork(t *testing.T) {
	besideOthers(t)
	server, client := newHost(t), newHost(t)
	contents := randomBytes(1, crossingSize)
	client.write("sent.bin", contents)

	service := server.start("uft", "-a", "-s", "-p", "0")
	_, address := badNetwork(t, service.port(), awful)
	host, port := split(t, address)

	sent := client.run(crossing, "uft", host, "-p", port, "-t", "sent.bin")
	server.mustHold("sent.bin", contents)
	report(t, sent, len(contents))

	fetched := client.run(crossing, "uft", "-r", "sent.bin", host, "-p", port, "-o", "fetched.bin")
	client.mustHold("fetched.bin", contents)
	report(t, fetched, len(contents))

	service.mustStop()
}

func TestBothWaysCrossAnAwfulNetwork(t *testing.T) {
	besideOthers(t)
	server, client := newHost(t), newHost(t)
	there, back := randomBytes(2, crossingSize), randomBytes(3, crossingSize)
	client.write("there", there)
	server.write("back", back)

	serveur := server.start("serveur", "back", "received", "0")
	_, address := badNetwork(t, serveur.port(), awful)
	host, port := split(t, address)

	sent := client.run(crossing, "client", "there", "received", host, port)
	serveur.mustEnd(0, crossing)
	server.mustHold("received", there)
	client.mustHold("received", back)
	report(t, sent, len(there)+len(back))
}

func TestOneWayCrossesAnAwfulNetwork(t *testing.T) {
	besideOthers(t)
	server, client := newHost(t), newHost(t)
	contents := randomBytes(4, crossingSize)
	client.write("sent", contents)

	serveur := server.start("serveur", "received", "0")
	_, address := badNetwork(t, serveur.port(), awful)
	host, port := split(t, address)

	sent := client.run(crossing, "client", "sent", host, port)
	serveur.mustEnd(0, crossing)
	server.mustHold("received", contents)
	report(t, sent, len(contents))
}

func TestUftCrossesItsOwnLoss(t *testing.T) {
	besideOthers(t)
	server, client := newHost(t), newHost(t)
	contents := randomBytes(5, crossingSize)
	client.write("sent.bin", contents)

	service := server.start("uft", "-a", "-s", "-p", "0", "-l", "0.3", "--seed", "1")
	port := service.port()

	sent := client.run(crossing, "uft", "127.0.0.1", "-p", port, "-l", "0.3", "--seed", "2", "-t", "sent.bin")
	server.mustHold("sent.bin", contents)
	report(t, sent, len(contents))

	fetched := client.run(crossing, "uft", "127.0.0.1", "-p", port, "-l", "0.3", "--seed", "3", "-r", "sent.bin", "-o", "fetched.bin")
	client.mustHold("fetched.bin", contents)
	report(t, fetched, len(contents))

	service.mustStop()
}

// TestTransferOutlivesABlackout interrupts the network for ten seconds in the
// middle of a transfer, which has to go on afterwards.
func TestTransferOutlivesABlackout(t *testing.T) {
	onlyInFull(t)
	t.Parallel() // it mostly waits
	server, client := newHost(t), newHost(t)
	contents := randomBytes(6, 4<<20)
	client.write("sent.bin", contents)

	service := server.start("uft", "-a", "-p", "0")
	relay, address := badNetwork(t, service.port(), link.Config{
		Delay: 20 * time.Millisecond, Rate: 10_000_000,
		Blackouts: []link.Blackout{{Start: time.Second, Length: 10 * time.Second}},
	})
	host, port := split(t, address)

	sent := client.run(crossing, "uft", host, "-p", port, "-t", "sent.bin")
	server.mustHold("sent.bin", contents)
	report(t, sent, len(contents))
	if relay.Counters().Up.BlackedOut == 0 {
		t.Error("the transfer was over before the blackout")
	}
	// The wire needs 4 s for the file; the rest is how long it takes to notice
	// that the network is back.
	t.Logf("%.2f s after the end of the blackout and what the file needs", sent.took.Seconds()-10-4)
}
