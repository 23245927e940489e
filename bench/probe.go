package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/uft/internal/udp"
)

// How a link is measured: echo requests, then datagrams at a rate that it has,
// which show the loss, and at one that it does not have, which show its rate.
const (
	probePings    = 40
	probePause    = 25 * time.Millisecond // between echo requests
	probeSize     = 1400                  // bytes of a datagram, its headers included
	probeDuration = 3 * time.Second
	probeUnder    = 0.8
	probeOver     = 1.15

	floodPayload = probeSize - 28       // without the headers of IP and UDP
	floodTrain   = 8                    // datagrams in one system call, less than any queue holds
	floodLate    = 5 * time.Millisecond // a sender that cannot keep up does not burst
)

// checkCourse measures what an emulated link is really like, in the direction
// of -t. It returns a sentence for the report.
func checkCourse(ctx context.Context, r *rig, c course, seed int) (string, error) {
	n, medium, err := c.open(ctx, r, "", seed)
	if err != nil {
		return "", err
	}
	defer func() {
		n.remove()
		closeMedium(medium)
	}()
	ping, err := start(r, n.client, r.self, "worker", "ping", n.addr, text(probePings))
	if err != nil {
		return "", err
	}
	limited, cancel := context.WithTimeout(ctx, probePings*probePause+10*time.Second)
	defer cancel()
	if _, err := ping.wait(limited); err != nil {
		return "", err
	}
	under, err := flood(ctx, r, n, probeUnder)
	if err != nil {
		return "", err
	}
	over, err := flood(ctx, r, n, probeOver)
	if err != nil {
		return "", err
	}
	// What passes the bottleneck is lost behind it with the same chance.
	passed := over.bits / (1 - under.loss)
	return fmt.Sprintf("%s; of %s %.2f %% were lost; of %s %s passed the bottleneck",
		strings.TrimSpace(ping.output.String()), shortRate(under.sent), under.loss*100, shortRate(over.sent), shortRate(passed)), nil
}

// shortRate is a rate in Mbit/s for the report.
func shortRate(bits float64) string { return fmt.Sprintf("%.4g Mbit/s", bits/1e6) }

// flooded is what has arrived of a stream of datagrams.
type flooded struct {
	sent, bits float64 // bit/s of IP packets, sent and received
	loss       float64
}

// flood sends datagrams at a share of the rate of a link and counts them.
func flood(ctx context.Context, r *rig, n network, share float64) (flooded, error) {
	port, err := freePort()
	if err != nil {
		return flooded{}, err
	}
	var f flooded
	address := fmt.Sprintf("%s:%d", n.addr, port)
	// The sender goes on until the receiver has seen enough.
	duration := probeDuration + 2*n.roundTrip
	_, err = pair{
		server:   []string{r.self, "worker", "flood-receive", address, probeDuration.String()},
		client:   []string{r.self, "worker", "flood-send", address, fmt.Sprint(int64(float64(n.rate) * share)), duration.String()},
		protocol: "udp", port: port,
		figures: func(client, server string) (int64, time.Duration, string, error) {
			_, sent := fmt.Sscan(client, &f.sent)
			_, received := fmt.Sscan(server, &f.bits, &f.loss)
			return 0, 0, "", errors.Join(sent, received)
		},
	}.run(ctx, r, n)
	return f, err
}

// floodSend is the worker that sends numbered datagrams at a rate in bit/s of
// IP packets. What is due is sent in trains, and what is late by more than
// floodLate is never made up for. It prints the rate that came of it.
func floodSend(address string, bits int64, duration time.Duration) error {
	conn, remote, err := dial(address, workerLimit)
	if err != nil {
		return err
	}
	defer conn.Close()
	train := make([]byte, 0, floodTrain*floodPayload)
	datagram := make([]byte, floodPayload)
	each := time.Duration(probeSize * 8 * float64(time.Second) / float64(bits))
	began := time.Now()
	next := began
	var sent uint64
	for now := began; now.Sub(began) < duration; now = time.Now() {
		if late := now.Sub(next); late > floodLate {
			next = now.Add(-floodLate)
		}
		train = train[:0]
		for len(train) < cap(train) && !next.After(now) {
			binary.BigEndian.PutUint64(datagram, sent)
			train = append(train, datagram...)
			next = next.Add(each)
			sent++
		}
		if len(train) == 0 {
			time.Sleep(max(time.Until(next), time.Millisecond))
			continue
		}
		if err := conn.WriteTrain(train, floodPayload, remote, netip.AddrPort{}); err != nil {
			return err
		}
	}
	fmt.Println(float64(sent*probeSize*8) / time.Since(began).Seconds())
	return nil
}

// floodReceive is the worker that counts datagrams, in the second half of the
// time since the first came, when the queue of the link is in its usual state.
// It prints their rate in bit/s of IP packets and the share that is missing.
func floodReceive(address string, duration time.Duration) error {
	conn, err := endpoint(address, workerLimit)
	if err != nil {
		return err
	}
	defer conn.Close()
	buf := make([]byte, udp.MaxTrain)
	var first, since, last time.Time
	var numbers []uint64
	for first.IsZero() || last.Sub(first) < duration {
		n, segment, _, _, _, err := conn.ReadTrain(buf)
		if err != nil {
			return err
		}
		last = time.Now()
		if first.IsZero() {
			first = last
		}
		if last.Sub(first) < duration/2 {
			continue
		}
		if since.IsZero() {
			since = last
			continue // what came until now is not of the time from now on
		}
		for at := 0; at+8 <= n; at += segment {
			numbers = append(numbers, binary.BigEndian.Uint64(buf[at:]))
		}
	}
	fmt.Println(float64(len(numbers)*probeSize*8)/last.Sub(since).Seconds(), missingShare(numbers))
	return nil
}

// missingShare is the share of numbers that did not arrive. Those at the two
// ends do not count: where datagrams overtake each other, some of them arrived
// before or after the time in which the others did.
func missingShare(numbers []uint64) float64 {
	if len(numbers) == 0 {
		return 1
	}
	lowest, highest := slices.Min(numbers), slices.Max(numbers)
	edge := (highest - lowest) / 20
	lowest, highest = lowest+edge, highest-edge
	arrived := 0
	for _, n := range numbers {
		if n >= lowest && n <= highest {
			arrived++
		}
	}
	return 1 - float64(arrived)/float64(highest-lowest+1)
}

// pingWorker sends ICMP echo requests and prints what came back. It is here
// because the program ping is missing on small machines.
func pingWorker(address string, count int) error {
	conn, err := net.Dial("ip4:icmp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		for i := range count {
			_, _ = conn.Write(echoRequest(uint16(i))) // without it one more is missing
			time.Sleep(probePause)
		}
	}()
	if err := conn.SetReadDeadline(time.Now().Add(time.Duration(count)*probePause + 5*time.Second)); err != nil {
		return err
	}
	var times []time.Duration
	buf := make([]byte, 1500)
	for len(times) < count {
		n, err := conn.Read(buf)
		if err != nil {
			break // the rest is lost
		}
		reply := buf[:n]
		if n > 20 && reply[0]>>4 == 4 { // Go may leave the header of IP before it
			reply = reply[int(reply[0]&15)*4:]
		}
		const echoReply = 0
		if len(reply) < 16 || reply[0] != echoReply {
			continue
		}
		nanoseconds := int64(binary.BigEndian.Uint64(reply[8:]))
		times = append(times, time.Duration(time.Now().UnixNano()-nanoseconds))
	}
	if len(times) == 0 {
		return errors.New("no echo came back")
	}
	least := times[0]
	for _, t := range times {
		least = min(least, t)
	}
	fmt.Printf("ICMP echo %.1f ms at least, %.1f ms in the median\n", milliseconds(least), median(times, milliseconds))
	return nil
}

// echoRequest is an ICMP echo request with the time in it (RFC 792).
func echoRequest(sequence uint16) []byte {
	const request = 8
	p := make([]byte, 16)
	p[0] = request
	binary.BigEndian.PutUint16(p[6:], sequence)
	binary.BigEndian.PutUint64(p[8:], uint64(time.Now().UnixNano()))
	var sum uint32
	for at := 0; at < len(p); at += 2 {
		sum += uint32(binary.BigEndian.Uint16(p[at:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(p[2:], ^uint16(sum+sum>>16))
	return p
}

// probeWorker runs the workers of this file.
func probeWorker(role string, a []string) error {
	switch {
	case role == "ping":
		count, err := strconv.Atoi(a[1])
		if err != nil || count < 1 {
			return fmt.Errorf("worker ping: %q is no number of requests", a[1])
		}
		return pingWorker(a[0], count)
	case role == "flood-send" && len(a) == 3:
		bits, err := strconv.ParseInt(a[1], 10, 64)
		if err != nil {
			return err
		}
		duration, err := time.ParseDuration(a[2])
		if err != nil {
			return err
		}
		return floodSend(a[0], bits, duration)
	case role == "flood-receive":
		duration, err := time.ParseDuration(a[1])
		if err != nil {
			return err
		}
		return floodReceive(a[0], duration)
	default:
		return fmt.Errorf("worker: %q is no role with its arguments", role)
	}
}
