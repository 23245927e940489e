package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// A role says which ratios a subject stands in.
type role int

// The roles.
const (
	ceiling       role = iota // what the machine allows
	ours                      // uft
	encryptedPeer             // a program for the same purpose that encrypts
	plainPeer                 // one that does not
	reference                 // a ceiling of another protocol, no file copy
)

// A subject is something that is measured in the case files.
type subject struct {
	name    string
	role    role
	about   string                                                       // for the report: what runs, with which options
	missing func(r *rig) string                                          // what it would need, "" if it is there; nil: nothing
	run     func(ctx context.Context, r *rig, n network) (result, error) // one transfer
}

// available tells whether the subject can take part, and the reader if not.
func (s subject) available(r *rig) bool {
	if s.missing == nil {
		return true
	}
	missing := s.missing(r)
	if missing != "" {
		r.skip("%s is left out: %s", s.name, missing)
	}
	return missing == ""
}

// subjects in the order of the table.
var subjects = []subject{
	rawPlain, rawSealed, pipe, uftSend, uftFetch,
	scp, quicCopy, kcpCopy, rsync, srt, udt, uftp, iperf,
}

// subjectNames is for the usage text.
func subjectNames() []string {
	names := make([]string, len(subjects))
	for i, s := range subjects {
		names[i] = s.name
	}
	return names
}

// A result is one measurement.
type result struct {
	bytes          int64 // of the file that have arrived
	elapsed        time.Duration
	client, server usage
	note           string
}

// gbits returns the goodput in Gbit/s of file bytes.
func (r result) gbits() float64 {
	return float64(r.bytes) * 8 / 1e9 / r.elapsed.Seconds()
}

// cpuPerGiB returns the processor seconds of both ends for each GiB.
func (r result) cpuPerGiB() float64 {
	return r.perGiB(r.client) + r.perGiB(r.server)
}

// perGiB returns the processor seconds of one end for each GiB.
func (r result) perGiB(u usage) float64 {
	return u.cpu.Seconds() / (float64(r.bytes) / (1 << 30))
}

// A pair is a server and a client that move the file once. The time is that of
// the whole client process, from its start to its end; the server stands ready.
type pair struct {
	server, client []string
	protocol       string // "udp" or "tcp", in which the server listens
	port           int
	// signal asks the server to end. Zero says that it ends by itself when it
	// has everything; then the time runs until both have ended.
	signal syscall.Signal
	// copy is what has to be identical to the source, "" where nothing is written.
	copy string
	// figures takes bytes and time from what the ends print, where the time of
	// the whole process is not what is asked for.
	figures func(client, server string) (bytes int64, elapsed time.Duration, note string, err error)
}

// errTooSlow says that a transfer did not end within the time limit.
var errTooSlow = errors.New("not done")

// run makes the transfer and checks the copy.
func (p pair) run(ctx context.Context, r *rig, n network) (result, error) {
	server, err := start(r, n.server, p.server...)
	if err != nil {
		return result{}, err
	}
	defer server.kill()
	if err := server.listens(ctx, p.protocol, p.port); err != nil {
		return result{}, err
	}
	limited, cancel := r.within(ctx)
	defer cancel()
	began := time.Now()
	client, err := start(r, n.client, p.client...)
	if err != nil {
		return result{}, err
	}
	res := result{bytes: r.size}
	res.client, err = client.wait(limited)
	if err == nil && p.signal == 0 {
		res.server, err = server.wait(limited)
	}
	res.elapsed = time.Since(began)
	if errors.Is(err, context.DeadlineExceeded) {
		return result{}, fmt.Errorf("%w after %v, %s there", errTooSlow, r.limit, sizeText(written(p.copy)))
	}
	if err != nil {
		return result{}, fmt.Errorf("%w (server: %s)", err, server.output.tail())
	}
	if p.signal != 0 {
		res.server = server.stop(p.signal)
	}
	if p.figures != nil {
		res.bytes, res.elapsed, res.note, err = p.figures(client.output.String(), server.output.String())
		if err != nil {
			return result{}, err
		}
	}
	if p.copy != "" {
		err = same(r.source, p.copy)
	}
	return res, err
}

// written returns how much of a copy exists: the blocks, not the length, which
// some programs set first. If there is no such file, the largest in its folder
// counts, for programs that write under another name first.
func written(path string) int64 {
	paths := []string{path}
	if more, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); err == nil {
		paths = append(paths, more...)
	}
	var most int64
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			if stat, ok := info.Sys().(*syscall.Stat_t); ok {
				most = max(most, stat.Blocks*512)
			}
		}
	}
	return most
}

// text formats a number for a command line.
func text(n int) string { return strconv.Itoa(n) }
