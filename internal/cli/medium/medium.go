// Package medium is the command line of the `medium` program: a UDP relay, or a
// tunnel between two TUN devices, that loses, delays, reorders, duplicates and
// damages datagrams and limits their rate. What it does to them is in package
// link, how it passes them on in the package medium below internal.
package medium

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"example.com/uft/internal/link"
	"example.com/uft/internal/medium"
	"example.com/uft/internal/pcap"
	"example.com/uft/internal/rate"
	"example.com/uft/internal/tun"
)

// Exit codes of the program.
const (
	exitDone  = 0 // ended by a signal, which is the only way to end it
	exitOther = 1 // no socket, or it broke
	exitUsage = 2 // the command line makes no sense
)

// A network is what the program runs: a relay, or a tunnel.
type network interface {
	Serve(ctx context.Context) error
	Counters() medium.Counters
	Links() (up, down link.Config)
	Change(link.Changes) error
}

// Run runs the program until the context ends and returns its exit code. The
// program reads nothing; its messages go to stderr, and only its help and the
// answers of `medium ctl` to stdout.
func Run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "ctl" {
		return runControl(ctx, args[1:], stdout, stderr)
	}
	options, err := parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		fmt.Fprint(stdout, help)
		return exitDone
	}
	if err != nil {
		fmt.Fprintf(stderr, "medium: %v (medium --help explains)\n", err)
		return exitUsage
	}
	if err := run(ctx, options, stderr); err != nil {
		fmt.Fprintf(stderr, "medium: %v%s\n", err, advice(err))
		if fault := (*medium.ConfigError)(nil); errors.As(err, &fault) {
			return exitUsage
		}
		return exitOther
	}
	return exitDone
}

// run opens what the options ask for, and serves.
func run(ctx context.Context, o options, stderr io.Writer) error {
	if o.pcap != "" {
		file, err := os.Create(o.pcap)
		if err != nil {
			return err
		}
		defer file.Close()
		if o.relay.Capture, err = pcap.NewWriter(file); err != nil {
			return err
		}
		o.tunnel.Capture = o.relay.Capture
	}
	endTrace, err := o.openTrace(stderr)
	if err != nil {
		return err
	}
	defer endTrace()
	n, greeting, err := open(o)
	if err != nil {
		return err
	}
	if o.control != "" {
		control, err := medium.ListenControl(o.control, func(request string) (string, error) { return answer(n, request) })
		if err != nil {
			return errors.Join(err, serve(ended(), n, false, stderr))
		}
		defer control.Close()
	}
	fmt.Fprintln(stderr, "medium:", greeting)
	err = serve(ctx, n, o.verbose, stderr)
	report(stderr, n.Counters())
	return errors.Join(err, o.relay.Capture.Close())
}

// open makes a relay or a tunnel, and a line that says what it does.
func open(o options) (network, string, error) {
	if o.tun {
		tunnel, err := medium.OpenTunnel(o.tunnel)
		if err != nil {
			return nil, "", err
		}
		return tunnel, tunnelGreeting(o), nil
	}
	relay, err := medium.Listen(o.relay)
	if err != nil {
		return nil, "", err
	}
	return relay, relayGreeting(relay, o), nil
}

// ended returns a context that is over: to serve with it is to close.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// serve runs the network and prints its counters every second where wanted.
func serve(ctx context.Context, n network, verbose bool, stderr io.Writer) error {
	ended := make(chan error, 1)
	go func() { ended <- n.Serve(ctx) }()
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
			report(stderr, n.Counters())
		}
	}
}

// relayGreeting says in one line what the relay does, and how to do it again.
func relayGreeting(relay *medium.Relay, o options) string {
	clients := "any client"
	if o.relay.From != "" {
		clients = o.relay.From
	}
	return fmt.Sprintf("listening at %v for %s, relaying to %s; up: %s; down: %s; seed %d",
		relay.LocalAddr(), clients, o.relay.To, describe(o.relay.Up), describe(o.relay.Down), o.relay.Seed)
}

// tunnelGreeting says in one line what the tunnel does, and how to do it again.
func tunnelGreeting(o options) string {
	side := func(c tun.Config) string {
		text := c.Name
		if c.Namespace != "" {
			text += " in " + c.Namespace
		}
		for _, address := range c.Addresses {
			text += " " + address.String()
		}
		return text
	}
	return fmt.Sprintf("tunnel from %s to %s; up: %s; down: %s; seed %d",
		side(o.tunnel.Left), side(o.tunnel.Right), describe(o.tunnel.Up), describe(o.tunnel.Down), o.tunnel.Seed)
}

// describe prints a link as its specification.
func describe(c link.Config) string {
	text := c.String()
	if c.Trace != nil {
		if text != "" {
			text += ","
		}
		text += "cells of " + rate.Format(c.Trace.Rate()) + " on average"
	}
	if text == "" {
		return "unimpaired"
	}
	return text
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
		{c.Policed, "dropped by the policer"},
		{c.QueueDrops, "dropped by the queue"},
		{c.Duplicated, "duplicated"},
		{c.Reordered, "held back"},
		{c.Corrupted, "damaged"},
		{c.Marked, "marked"},
		{uint64(c.Waiting), "still delayed"},
		{c.Overflow, "dropped for lack of memory"},
		{c.Failed, "not sent by the system"},
		{c.Unseen, "more were dropped by the system before medium could read them"},
	} {
		if part.count > 0 {
			fmt.Fprintf(&text, ", %d %s", part.count, part.what)
		}
	}
	return text.String()
}
