// Package medium is the command line of the `medium` program: a UDP relay
// that loses, delays, reorders, duplicates and damages datagrams and limits
// their rate. What it does to them is in package link, how it relays them in
// the package medium below internal.
package medium

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"example.com/uft/internal/link"
	"example.com/uft/internal/medium"
)

// Exit codes of the program.
const (
	exitDone  = 0 // ended by a signal, which is the only way to end it
	exitOther = 1 // no socket, or it broke
	exitUsage = 2 // the command line makes no sense
)

const help = `medium stands between UDP clients and a server and behaves like a bad network.

  medium --listen 127.0.0.1:9000 --to 127.0.0.1:5000 --loss 0.05 --delay 40ms

Clients then send to port 9000 what is meant for port 5000. End it with Ctrl-C.

Where it stands:
  --listen ADDR            where clients send to, host:port
  --to ADDR                where the server is, host:port
  --from ADDR              the only client, host:port; then either side may send
                           first, to the --listen address. Without it any client
                           is served, many at once, as by a NAT

What it does to the datagrams of both directions (P is 0 to 1, or 5%):
  --loss P                 lose them
  --burst N                lose N in a row on average (Gilbert-Elliott)
  --delay D                delay them, for example 30ms
  --jitter D               spread the delay evenly by ± D; this reorders too
  --reorder P              hold them back, so that later ones overtake
  --duplicate P            deliver them twice
  --corrupt P              flip bits
  --rate R                 limit the rate of IP packets, all clients together, for
                           example 10M or 1.5Gbit/s
  --queue BYTES|DURATION   what waits at most for the rate, for example 64k or
                           50ms; more is dropped (100ms)
  --blackout START,LENGTH  lose everything for a time, for example 2s,500ms after
                           the first datagram; may be repeated

In one direction only, in place of the above; the same words, and
blackout=START+LENGTH:
  --up 'loss=0.1,delay=30ms'    from clients to the server
  --down 'rate=10M,queue=50ms'  from the server to clients

  --seed N                 repeat a run with the same chances
  -v, --verbose            print counters every second, not only at the end
  -h, --help               print this text

Exit codes: 0 ended by a signal, 1 failed (say, port in use), 2 wrong usage.
`

// Run runs the program until the context ends and returns its exit code. The
// program reads nothing; its messages go to stderr, and only its help, where
// asked for, to stdout.
func Run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	options, err := parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		fmt.Fprint(stdout, help)
		return exitDone
	}
	if err != nil {
		fmt.Fprintf(stderr, "medium: %v (medium --help explains)\n", err)
		return exitUsage
	}
	relay, err := medium.Listen(options.config)
	if err != nil {
		fmt.Fprintf(stderr, "medium: %v%s\n", err, advice(err))
		if fault := (*medium.ConfigError)(nil); errors.As(err, &fault) {
			return exitUsage
		}
		return exitOther
	}
	fmt.Fprintln(stderr, "medium:", greeting(relay, options))

	err = serve(ctx, relay, options.verbose, stderr)
	report(stderr, relay.Counters())
	if err != nil {
		fmt.Fprintf(stderr, "medium: %v\n", err)
		return exitOther
	}
	return exitDone
}

// serve runs the relay and prints its counters every second where wanted.
func serve(ctx context.Context, relay *medium.Relay, verbose bool, stderr io.Writer) error {
	ended := make(chan error, 1)
	go func() { ended <- relay.Serve(ctx) }()
	var second <-chan time.Time
	if verbose {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		second = ticker.C
	}
	for {
		select {
		case err := <-ended:
			return err
		case <-second:
			report(stderr, relay.Counters())
		}
	}
}

// greeting says in one line what the relay does, and how to do it again.
func greeting(relay *medium.Relay, o options) string {
	describe := func(c link.Config) string {
		if text := c.String(); text != "" {
			return text
		}
		return "unimpaired"
	}
	clients := "any client"
	if o.config.From != "" {
		clients = o.config.From
	}
	return fmt.Sprintf("listening at %v for %s, relaying to %s; up: %s; down: %s; seed %d",
		relay.LocalAddr(), clients, o.config.To, describe(o.config.Up), describe(o.config.Down), o.config.Seed)
}

// advice says what to do about an error of Listen where that is not plain.
func advice(err error) string {
	const windowsAddressInUse = syscall.Errno(10048) // WSAEADDRINUSE
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, windowsAddressInUse) {
		return "; end the program that uses it, or choose another port with --listen"
	}
	return ""
}

// report prints the counters, a line for each direction.
func report(w io.Writer, c medium.Counters) {
	fmt.Fprintf(w, "medium: up: %s\n", line(c.Up))
	fmt.Fprintf(w, "medium: down: %s\n", line(c.Down))
	if c.Strangers > 0 {
		fmt.Fprintf(w, "medium: %d datagrams from others than --from and --to were dropped\n", c.Strangers)
	}
	if c.Unserved > 0 {
		fmt.Fprintf(w, "medium: %d datagrams were dropped because no socket could be opened for their client\n", c.Unserved)
	}
}

// line prints the counters of one direction, after the first two only those
// that are not zero.
func line(c medium.DirectionCounters) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d in (%d bytes), %d delivered (%d bytes)", c.In, c.BytesIn, c.Delivered, c.BytesOut)
	for _, part := range [...]struct {
		count uint64
		what  string
	}{
		{c.Lost, "lost"},
		{c.BlackedOut, "lost in a blackout"},
		{c.QueueDrops, "dropped by the queue"},
		{c.Duplicated, "duplicated"},
		{c.Reordered, "held back"},
		{c.Corrupted, "damaged"},
		{uint64(c.Waiting), "still delayed"},
		{c.Overflow, "dropped for lack of memory"},
		{c.Failed, "not sent by the system"},
	} {
		if part.count > 0 {
			fmt.Fprintf(&text, ", %d %s", part.count, part.what)
		}
	}
	return text.String()
}
