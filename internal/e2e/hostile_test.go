package e2e

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestHostileDatagrams sends to a server what nobody should: bytes by chance,
// real datagrams with damage, and real ones again from other ports. A transfer
// that runs meanwhile has to arrive, and the server neither to end, nor to
// grow, nor to talk about it.
func TestHostileDatagrams(t *testing.T) {
	besideOthers(t)
	count := fullSize(100_000, 20_000)
	const perSecond = 15_000
	const bitrate, bitsPerSecond = "20M", 20_000_000
	const mayGrow = 32 << 20

	server, client := newHost(t), newHost(t)
	service := server.start("uft", "-a", "-s", "-p", "0")
	port := service.port()

	// The transfer takes twice as long as the attack. One of the same size
	// before it shows how much memory that needs, and real datagrams.
	contents := randomBytes(1, bitsPerSecond/8*2*count/perSecond)
	client.write("before", contents)
	client.write("during", randomBytes(2, len(contents)))
	client.write("after", randomBytes(3, 1000))
	real := record(t, port, func(port string) {
		client.run(crossing, "uft", "127.0.0.1", "-p", port, "-t", "before")
	})
	before, known := memory(service)

	moving := client.start("uft", "127.0.0.1", "-p", port, "-b", bitrate, "-t", "during")
	began := time.Now()
	attack(t, port, real, count, perSecond)
	took := time.Since(began)
	moving.mustRun()
	moving.mustEnd(0, crossing)
	server.mustHold("during", randomBytes(2, len(contents)))
	report(t, moving, len(contents))

	after, _ := memory(service)
	t.Logf("%d datagrams in %.2f s; the server had %d KiB before and has %d KiB now", count, took.Seconds(), before>>10, after>>10)
	if !known {
		t.Log("the memory of a process cannot be read on this system")
	} else if after > before+mayGrow {
		t.Errorf("the server grew by %d KiB", (after-before)>>10)
	}
	newHost(t).run(crossing, "uft", "127.0.0.1", "-p", port, "-r", "during")
	client.run(crossing, "uft", "127.0.0.1", "-p", port, "-t", "after")
	if lines := strings.Count(service.words(), "\n"); lines > 20 {
		t.Errorf("the server said %d lines", lines)
	}
	service.mustStop()
}

// attack sends count datagrams to a port, at a rate, from many others.
func attack(t *testing.T, port string, real [][]byte, count, perSecond int) {
	t.Helper()
	chance := rand.New(rand.NewPCG(seed, 0))
	attackers := make([]net.Conn, 64)
	for i := range attackers {
		conn, err := net.Dial("udp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() //nolint:errcheck // what it sends is not even hoped to arrive
		attackers[i] = conn
	}
	began := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for sent := 0; sent < count; <-tick.C {
		due := min(count, 1+int(time.Since(began).Seconds()*float64(perSecond)))
		for ; sent < due; sent++ {
			// Errors are the answers of a full queue, and of nobody else.
			_, _ = attackers[chance.IntN(len(attackers))].Write(hostile(chance, real))
		}
	}
}

// hostile returns one datagram, made by chance.
func hostile(chance *rand.Rand, real [][]byte) []byte {
	from := real
	if chance.IntN(2) == 0 {
		from = real[:min(6, len(real))] // of the handshake, which costs a server most
	}
	datagram := bytes.Clone(from[chance.IntN(len(from))])
	switch chance.IntN(6) {
	case 0: // any bytes
		datagram = make([]byte, chance.IntN(1500))
		for i := range datagram {
			datagram[i] = byte(chance.Uint32())
		}
	case 1: // flipped bits
		for range 1 + chance.IntN(8) {
			datagram[chance.IntN(len(datagram))] ^= 1 << chance.IntN(8)
		}
	case 2: // cut off
		datagram = datagram[:chance.IntN(len(datagram))]
	case 3: // with something behind it
		datagram = append(datagram, real[chance.IntN(len(real))]...)
		datagram = datagram[:min(len(datagram), 1500)]
	case 4: // of another connection: the ID follows the flags, and in long headers the version
		at := 1
		if datagram[0]&0x80 != 0 {
			at = 5
		}
		if len(datagram) >= at+8 {
			binary.BigEndian.PutUint64(datagram[at:], chance.Uint64())
		}
	case 5: // as it was, from another port
	}
	return datagram
}

// record stands between a client and a server while use runs, and returns what
// the client sent, at most some thousands of datagrams: first those of the
// handshake, then those with file bytes.
func record(t *testing.T, serverPort string, use func(port string)) [][]byte {
	t.Helper()
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	back, err := net.Dial("udp", "127.0.0.1:"+serverPort)
	if err != nil {
		t.Fatal(err)
	}
	var seen [][]byte
	var client net.Addr
	met := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		buffer := make([]byte, 1<<16)
		for {
			n, from, err := front.ReadFrom(buffer)
			if err != nil {
				return
			}
			if client == nil {
				client = from
				close(met)
			}
			if len(seen) < 4000 && n > 0 {
				seen = append(seen, bytes.Clone(buffer[:n]))
			}
			_, _ = back.Write(buffer[:n]) // what is lost is repeated
		}
	})
	group.Go(func() {
		buffer := make([]byte, 1<<16)
		for {
			n, err := back.Read(buffer)
			if err != nil {
				return
			}
			<-met
			_, _ = front.WriteTo(buffer[:n], client) // what is lost is repeated
		}
	})
	_, port := split(t, front.LocalAddr())
	use(port)
	_ = front.Close()
	_ = back.Close()
	group.Wait()
	if len(seen) == 0 {
		t.Fatal("the client sent nothing")
	}
	return seen
}
