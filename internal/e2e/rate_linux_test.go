package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRateOnTheWire counts outside of the programs what -b promises: the gross
// rate, with the headers of IP, within 1 % of what was asked for.
//
// A program that gets no processor for a while sends nothing meanwhile, so a
// machine that does other work can spoil a measurement, as it can hardly make
// one: one good measurement counts. That there may be eight is for machines that
// spoil every second one; a rate that is wrong is wrong eight times.
func TestRateOnTheWire(t *testing.T) {
	onlyInFull(t)
	for _, address := range []string{serverV4, serverV6} {
		for _, way := range []string{"-t", "-r"} {
			for _, rate := range []int{1, 10, 100, 500} { // Mbit/s
				t.Run(fmt.Sprintf("%s %s at %d Mbit/s", address, way, rate), func(t *testing.T) {
					if rate <= 10 {
						t.Parallel() // there is room for them at the same time
					}
					asked := float64(rate) * 1e6
					var counted float64
					for range 8 {
						counted = measureRate(t, address, way, asked)
						if math.Abs(counted/asked-1) <= 0.01 {
							return
						}
					}
					t.Errorf("the rate on the wire is %.0f bit/s, not %.0f within 1 %%", counted, asked)
				})
			}
		}
	}
}

// measureRate moves a file that needs a little more time than is measured, and
// counts in the middle of it, so that neither the handshake nor the end of the
// file is in the figure, which it returns.
func measureRate(t *testing.T, address, way string, rate float64) float64 {
	const settling = 500 * time.Millisecond
	measured := 2 * time.Second
	if rate > 10e6 {
		measured = time.Second // ten thousand packets and more
	}
	server, client := newWire(t)
	source, target := client, server
	if way == "-r" {
		source, target = server, client
	}
	contents := randomBytes(1, int(rate/8*(settling+measured+500*time.Millisecond).Seconds()))
	source.write("file", contents)

	service := server.start("uft", "-a", "-s")
	service.port()
	wire := source.counters()
	idle := wire.read()
	moving := client.start("uft", address, "-b", strconv.Itoa(int(rate)), way, "file")
	first := wire.waitUntil(moving, func(c counter) bool { return c.packets > idle.packets })
	begin := wire.waitUntil(moving, func(c counter) bool { return c.at.Sub(first.at) >= settling })
	end := wire.waitUntil(moving, func(c counter) bool { return c.at.Sub(begin.at) >= measured })
	moving.mustRun()
	last := wire.untilEnd(moving)
	moving.mustEnd(0, patience)
	target.mustHold("file", contents)
	service.mustStop()

	gross := end.rateSince(begin)
	t.Logf("asked for %.0f bit/s, counted %.0f (%+.2f %%); over the whole life of the connection %+.2f %%",
		rate, gross, 100*(gross/rate-1), 100*(last.rateSince(first)/rate-1))
	return gross
}

// A counter is what an interface has sent by some time.
type counter struct {
	at             time.Time
	bytes, packets int
}

// rateSince returns the gross rate, in bit/s, from an earlier figure to c. What
// the interface counts includes the Ethernet header of each packet.
func (c counter) rateSince(earlier counter) float64 {
	packets := c.packets - earlier.packets
	return float64(8*(c.bytes-earlier.bytes-ethernetHeaderBytes*packets)) / c.at.Sub(earlier.at).Seconds()
}

// counters are those of the interface of a host. They are read from
// /proc/net/dev, which shows the same figures as sysfs, but through an open
// file stays in the network in which it was opened.
type counters struct {
	n    *namespace
	file *os.File
}

func (n *namespace) counters() *counters {
	n.t.Helper()
	c := &counters{n: n}
	n.inside(func() {
		file, err := os.Open("/proc/thread-self/net/dev")
		if err != nil {
			n.t.Fatal(err)
		}
		c.file = file
	})
	n.t.Cleanup(func() { _ = c.file.Close() })
	return c
}

// read returns what was sent so far. The columns after the colon are eight of
// reception, then bytes and packets sent: proc_net_dev(5).
func (c *counters) read() counter {
	c.n.t.Helper()
	now := counter{at: time.Now()}
	text, err := io.ReadAll(io.NewSectionReader(c.file, 0, 1<<16))
	if err != nil {
		c.n.t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		name, figures, _ := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if name != wire {
			continue
		}
		columns := strings.Fields(figures)
		now.bytes, _ = strconv.Atoi(columns[8])
		now.packets, _ = strconv.Atoi(columns[9])
		return now
	}
	c.n.t.Fatalf("the interface %s has no line in:\n%s", wire, text)
	return counter{}
}

// untilEnd returns the figures after the last packet of a program.
func (c *counters) untilEnd(p *process) counter {
	c.n.t.Helper()
	last := c.read()
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for {
		if now := c.read(); now.packets > last.packets {
			last = now
		}
		select {
		case <-tick.C:
		case <-p.ended:
			return last
		}
	}
}

// waitUntil returns the first figures that satisfy the condition just when a
// packet leaves, so that an interval between two of them is a whole number of
// packets. The program has to run all the time.
func (c *counters) waitUntil(p *process, satisfied func(counter) bool) counter {
	c.n.t.Helper()
	last := c.read()
	limit := time.After(patience)
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for {
		now := c.read()
		if now.packets > last.packets && satisfied(now) {
			return now
		}
		last = now
		select {
		case <-tick.C:
		case <-p.ended:
			c.n.t.Fatalf("%s ended before the measurement did:\n%s", p.line, p.words())
		case <-limit:
			c.n.t.Fatalf("%s sent nothing more for %v", p.line, patience)
		}
	}
}
