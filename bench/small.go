package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// measureSmall is the case small: one file of 1 KiB over a round trip of
// 100 ms, which the project's own medium makes, to a server that is new to the
// client and to one that it knows.
func measureSmall(ctx context.Context, r *rig, doc *report) error {
	const delay = 50 * time.Millisecond
	var rows [][]string
	for _, n := range r.networks {
		first, known, err := smallOn(ctx, r, n, delay)
		if err != nil {
			return err
		}
		for _, kind := range []struct {
			name  string
			trips int
			times []time.Duration
		}{{"first contact", 2, first}, {"known server", 1, known}} {
			middle := median(kind.times, milliseconds)
			over := middle - float64(kind.trips)*milliseconds(2*delay)
			worst := most(kind.times, func(d time.Duration) int64 { return d.Milliseconds() })
			rows = append(rows, []string{
				n.name, kind.name, fmt.Sprintf("%.0f", middle), fmt.Sprint(worst),
				fmt.Sprintf("%d RTT %+.0f ms", kind.trips, over),
			})
		}
	}
	doc.section("One small file",
		fmt.Sprintf("`uft HOST -t` of 1 KiB through `medium --delay %v`, the whole process, %d of each.", delay, r.samples),
		table([]string{"", "", "median ms", "slowest ms", "median is"}, rows))
	return r.emptyCopies()
}

// smallOn makes the transfers on one network, by turns.
func smallOn(ctx context.Context, r *rig, n network, delay time.Duration) (first, known []time.Duration, err error) {
	if err := r.emptyCopies(); err != nil {
		return nil, nil, err
	}
	var ports [2]int
	for i := range ports {
		if ports[i], err = freePort(); err != nil {
			return nil, nil, err
		}
	}
	server, err := start(r, n.server, r.uft, "-a", "-p", text(ports[0]), "-d", r.copies)
	if err != nil {
		return nil, nil, err
	}
	defer server.kill()
	medium, err := start(r, n.server, r.medium, "--delay", delay.String(),
		"--listen", fmt.Sprintf("%s:%d", n.addr, ports[1]), "--to", fmt.Sprintf("%s:%d", n.addr, ports[0]))
	if err != nil {
		return nil, nil, err
	}
	defer medium.kill()
	for i, p := range []*process{server, medium} {
		if err := p.listens(ctx, "udp", ports[i]); err != nil {
			return nil, nil, err
		}
	}
	here := *r
	here.size = 1 << 10
	for i := range 2 * r.samples {
		// Even ones have a home of their own; the odd one after it knows the server.
		here.state = filepath.Join(r.state, "small", n.name, text(i/2))
		if err := os.MkdirAll(here.state, 0o700); err != nil {
			return nil, nil, err
		}
		here.source = filepath.Join(here.state, fmt.Sprintf("small%03d.bin", i))
		if err := writeRandom(here.source, here.size, byte(i)); err != nil {
			return nil, nil, err
		}
		took, err := sendSmall(ctx, &here, n, ports[1])
		if err != nil {
			return nil, nil, err
		}
		if i%2 == 0 {
			first = append(first, took)
		} else {
			known = append(known, took)
		}
	}
	return first, known, nil
}

// sendSmall times one transfer and compares the copy.
func sendSmall(ctx context.Context, r *rig, n network, port int) (time.Duration, error) {
	limited, cancel := r.within(ctx)
	defer cancel()
	began := time.Now()
	client, err := start(r, n.client, r.uft, n.addr, "-p", text(port), "-t", r.source)
	if err != nil {
		return 0, err
	}
	if _, err := client.wait(limited); err != nil {
		return 0, err
	}
	took := time.Since(began)
	fmt.Printf("%-8s %s %4d ms\n", n.name, filepath.Base(r.source), took.Milliseconds())
	return took, same(r.source, filepath.Join(r.copies, filepath.Base(r.source)))
}
