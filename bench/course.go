package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"example.com/uft/internal/link"
	"example.com/uft/internal/rate"
)

// A course is an emulated link of the race, with the size of the file that
// goes over it. Up is from the client to the server.
type course struct {
	name     string
	up, down link.Config
	size     int64 // bytes
}

// courseWords are the links on which the peers were measured at first, in the
// words of the program medium. The queue, which they do not name, holds one
// bandwidth-delay product.
var courseWords = []struct{ words, size string }{
	{"rate=100M delay=50ms loss=1%", "32M"},
	{"rate=100M delay=100ms loss=5%", "16M"},
	{"rate=50M delay=300ms loss=2%", "16M"},
	{"rate=20M delay=25ms loss=20%", "4M"},
	{"rate=1G delay=10ms loss=0.1%", "256M"},
	{"rate=100M delay=25ms jitter=10ms loss=0.1%", "32M"},
}

// leastQueue is the smallest queue in bytes that a course gets by itself:
// below some full packets a link is not what its rate says.
const leastQueue = 24_000

// parseCourse makes a course of the words of medium and a size. Where the words
// name no queue, it holds one bandwidth-delay product.
func parseCourse(words string, size int64) (course, error) {
	changes, err := link.ParseChanges(words)
	if err != nil {
		return course{}, err
	}
	c := course{size: size}
	if c.up, err = link.Parse(changes.Up); err != nil {
		return course{}, err
	}
	if c.down, err = link.Parse(changes.Down); err != nil {
		return course{}, err
	}
	c.name = describeLink(c.up)
	if c.up.String() != c.down.String() {
		c.name += " (back: " + describeLink(c.down) + ")"
	}
	c.name += ", " + sizeText(size)
	for _, direction := range []*link.Config{&c.up, &c.down} {
		if direction.Rate <= 0 {
			return course{}, fmt.Errorf("%q needs a rate in both directions, such as rate=10M", words)
		}
		if direction.QueueBytes == 0 && direction.QueueDelay == 0 && direction.CoDel.Target == 0 {
			product := float64(direction.Rate) / 8 * c.roundTrip().Seconds()
			direction.QueueBytes = max(leastQueue, int(product))
		}
	}
	return c, nil
}

// describeLink names a direction for the table. The round trip stands for two
// equal delays.
func describeLink(l link.Config) string {
	parts := []string{rate.Format(l.Rate), shortDuration(2 * l.Delay)}
	if l.Jitter > 0 {
		parts[1] += " ± " + shortDuration(l.Jitter) + " jitter"
	}
	parts = append(parts, fmt.Sprintf("%.4g %%", l.Loss*100))
	l.Rate, l.Delay, l.Jitter, l.Loss = 0, 0, 0, 0
	if rest := l.String(); rest != "" {
		parts = append(parts, strings.ReplaceAll(rest, ",", ", "))
	}
	return strings.Join(parts, ", ")
}

// shortDuration is a duration in milliseconds, as tables of links have it.
func shortDuration(d time.Duration) string { return fmt.Sprintf("%.4g ms", milliseconds(d)) }

// roundTrip is the time of the path there and back, without queues.
func (c course) roundTrip() time.Duration { return c.up.Delay + c.down.Delay }

// dataShare is the part of an IP packet of uft that is data of the file: 1024
// bytes of 1092.
const dataShare = 1024.0 / 1092

// ideal is the time in which nothing could be better: one round trip of
// handshake, the data at the full rate with no more repeated than is lost, and
// the way of the last byte and of its confirmation.
func (c course) ideal(fetch bool) time.Duration {
	data := c.up
	if fetch {
		data = c.down
	}
	seconds := float64(c.size) * 8 / (float64(data.Rate) * (1 - data.Loss) * dataShare)
	return 2*c.roundTrip() + time.Duration(seconds*float64(time.Second))
}

// tcpBuffers are in bytes what TCP gets in the namespaces: least, at first, and
// most. The most is far above every bandwidth-delay product of the table.
const tcpBuffers = "4096 131072 67108864"

// The two ends of a course: their addresses, which exist in its namespaces
// only, and the device of both.
const (
	upAddress    = "10.77.0.1"
	downAddress  = "10.77.0.2"
	courseDevice = "race0"
)

// open makes two network namespaces that are joined by the program medium.
// Everything is new for each transfer, so that no peer finds anything that an
// earlier one has left: routes, metrics of TCP, packets on their way. The seed
// makes the chances of the link.
func (c course) open(ctx context.Context, r *rig, congestion string, seed int) (_ network, _ *process, err error) {
	here, there, remove, err := namespaces(ctx)
	if err != nil {
		return network{}, nil, err
	}
	defer func() {
		if err != nil {
			remove()
		}
	}()
	for _, namespace := range []string{here, there} {
		if err := enlargeTCPBuffers(ctx, namespace); err != nil {
			return network{}, nil, err
		}
	}
	medium, err := start(r, nil, r.medium, "--tun", "--seed", text(seed),
		"--left", here+","+upAddress+"/24,dev="+courseDevice, "--right", there+","+downAddress+"/24,dev="+courseDevice,
		"--up", c.up.String(), "--down", c.down.String())
	if err != nil {
		return network{}, nil, err
	}
	err = medium.until(ctx, func() bool { return strings.Contains(medium.output.String(), "tunnel from") })
	if err == nil && congestion != "" {
		err = errors.Join(
			setCongestion(ctx, here, upAddress, congestion),
			setCongestion(ctx, there, downAddress, congestion))
	}
	if err != nil {
		medium.kill()
		return network{}, nil, err
	}
	return network{
		name: c.name, client: inside(here), server: inside(there), addr: downAddress, remove: remove,
		serverInterface: courseDevice, rate: c.up.Rate, backRate: c.down.Rate, roundTrip: c.roundTrip(),
	}, medium, nil
}

// reversed is the network of a course with the ends in each other's place.
func reversed(n network) network {
	n.client, n.server, n.addr = n.server, n.client, upAddress
	n.rate, n.backRate = n.backRate, n.rate
	return n
}

// enlargeTCPBuffers gives TCP large buffers in a namespace.
func enlargeTCPBuffers(ctx context.Context, namespace string) error {
	script := fmt.Sprintf("cd /proc/sys/net/ipv4 && echo %[1]s >tcp_rmem && echo %[1]s >tcp_wmem", tcpBuffers)
	return ip(ctx, "netns", "exec", namespace, "sh", "-c", script)
}

// setCongestion gives TCP a congestion control on the way over the link. The
// setting tcp_congestion_control of a namespace would do, but takes only what
// the whole system allows everybody; a route takes all that the kernel has.
func setCongestion(ctx context.Context, namespace, address, congestion string) error {
	return ip(ctx, "-n", namespace, "route", "replace", "10.77.0.0/24", "dev", courseDevice, "src", address, "congctl", congestion)
}
