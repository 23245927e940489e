package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// An entrant is who takes part in the race: a subject of the case files, and
// what it is told about the link.
type entrant struct {
	subject
	column     string // for the table
	congestion string // TCP's congestion control, "" where TCP takes no part
	fetch      bool   // the file goes from the server to the client
	reversed   bool   // its client fetches: the ends change places, so that the file goes up all the same
}

// congestionControls are those that TCP races with.
var congestionControls = []string{"bbr", "cubic"}

// fixedShare is the share of a link's rate that "uft -b" asks for, in per cent.
const fixedShare = 97

// entrants are all that there are, in the order of the table.
func entrants() []entrant {
	var all []entrant
	for _, fetch := range []bool{false, true} {
		all = append(all, uftEntrants(fetch)...)
	}
	for _, tcp := range []subject{scp, rsync} {
		for _, congestion := range congestionControls {
			e := entrant{subject: tcp, column: fmt.Sprintf("%s (%s)", tcp.name, strings.ToUpper(congestion)), congestion: congestion}
			e.name += "-" + congestion
			all = append(all, e)
		}
	}
	return append(all,
		entrant{subject: quicCopy, column: quicCopy.name},
		entrant{subject: kcpCopy, column: kcpCopy.name},
		entrant{subject: udt, column: "UDT4", reversed: true},
		entrant{subject: srt, column: "SRT file"},
		entrant{subject: uftp, column: "UFTP"},
	)
}

// uftEntrants are the ways in which uft takes part, in one direction.
func uftEntrants(fetch bool) []entrant {
	base := uftSend
	if fetch {
		base = uftFetch
	}
	first := func(options func(network) []string) func(context.Context, *rig, network) (result, error) {
		return func(ctx context.Context, r *rig, n network) (result, error) {
			here, err := withFreshState(r)
			if err != nil {
				return result{}, err
			}
			return uftCopy(ctx, here, n, fetch, options(n)...)
		}
	}
	nothing := func(network) []string { return nil }
	bitrate := func(n network) []string {
		rate := n.rate
		if fetch {
			rate = n.backRate
		}
		return []string{"-b", fmt.Sprint(rate * fixedShare / 100)}
	}
	all := []entrant{
		{subject: subject{about: base.about + ", first contact", run: first(nothing)}},
		{subject: subject{about: "the same to a server that it moved the same file to or from just before", run: func(ctx context.Context, r *rig, n network) (result, error) {
			return uftKnown(ctx, r, n, fetch)
		}}},
		{subject: subject{about: fmt.Sprintf("first contact, told the rate with -b: %d %% of that of the link", fixedShare), run: first(bitrate)}},
	}
	for i, suffix := range []string{"", " known", " -b"} {
		e := &all[i]
		e.name, e.column, e.role, e.fetch = base.name+suffix, base.name+suffix, ours, fetch
		if !fetch {
			e.name, e.column = "uft"+suffix, "uft"+suffix
		}
	}
	return all
}

// withFreshState is the rig for an end that knows nothing of any other: its
// state folder is empty.
func withFreshState(r *rig) (*rig, error) {
	here := *r
	here.state = filepath.Join(r.state, "uft")
	return &here, replaceFolder(here.state)
}

// uftKnown makes the transfer twice, and measures the second: the same server,
// with its address and its key, is known from the first.
func uftKnown(ctx context.Context, r *rig, n network, fetch bool) (result, error) {
	here, err := withFreshState(r)
	if err != nil {
		return result{}, err
	}
	port, err := freePort()
	if err != nil {
		return result{}, err
	}
	transfer := uftPair(here, n, port, fetch)
	if _, err := transfer.run(ctx, here, n); err != nil {
		return result{}, fmt.Errorf("the transfer before: %w", err)
	}
	if err := r.emptyCopies(); err != nil {
		return result{}, err
	}
	return transfer.run(ctx, here, n)
}

// entrantNames is for the usage text, and for those that a word stands for.
func entrantNames(of []entrant) []string {
	names := make([]string, len(of))
	for i, e := range of {
		names[i] = e.name
	}
	return names
}

// chooseEntrants returns who is asked for, without those that cannot be had.
// The short names of programs stand for all ways in which they take part.
func chooseEntrants(r *rig, peers []string, directions string) []entrant {
	kernel, err := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
	if err != nil {
		r.skip("TCP takes no part: %v", err)
	}
	var chosen []entrant
	for _, e := range entrants() {
		if len(peers) > 0 && !e.isAny(peers) {
			continue
		}
		if e.role == ours && !strings.Contains(directions, map[bool]string{false: "t", true: "r"}[e.fetch]) {
			continue
		}
		if e.congestion != "" && !slices.Contains(strings.Fields(string(kernel)), e.congestion) {
			r.skip("%s is left out: the kernel has no %s (modprobe tcp_%s)", e.name, e.congestion, e.congestion)
			continue
		}
		if e.available(r) {
			chosen = append(chosen, e)
		}
	}
	return chosen
}

// isAny tells whether one of the words stands for the entrant: its name, or
// that of its program.
func (e entrant) isAny(words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool {
		return word == e.name || word == e.program()
	})
}

// program is the name without the way in which it takes part.
func (e entrant) program() string {
	if e.role == ours {
		return "uft"
	}
	return strings.TrimSuffix(e.name, "-"+e.congestion)
}
