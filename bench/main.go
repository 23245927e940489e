// The program bench measures what a clean path costs: the raw ceiling of the
// machine, the bare pipeline, uft, and the programs that people move files
// with today, all in one run, taking turns, so that a noisy machine is noisy
// for everybody. "make bench" at the root of the repository runs it.
//
// Called as "bench race", it has uft and the same programs race over emulated
// bad links ("make race").
//
// It is a module of its own: what it is compared with (quic-go, kcp-go) must
// not become a requirement of uft.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// SIGPIPE too: output into a pager that ends must not leave namespaces behind.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// run is main with an error. Called as "bench worker ROLE ...", the program is
// one end of a measurement and not the bench itself; "bench race ..." is the
// race over bad links.
func run(ctx context.Context, args []string) error {
	switch {
	case len(args) > 0 && args[0] == "worker":
		return work(args[1:])
	case len(args) > 0 && args[0] == "race":
		return race(ctx, args)
	}
	o, err := parseOptions(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil // the flag package has printed it
	}
	if err != nil {
		return err
	}
	r, err := newRig(ctx, o)
	if err != nil {
		return err
	}
	defer r.close()

	doc := newReport(r, args)
	doc.title, doc.introduction = "A clean path", cleanPathIntroduction
	fmt.Println(doc.heading())
	for _, name := range o.cases {
		if err := cases[name](ctx, r, doc); err != nil {
			return fmt.Errorf("case %s: %w", name, err)
		}
	}
	return doc.finish()
}

// cases are the things that --case chooses from.
var cases = map[string]func(context.Context, *rig, *report) error{
	"files":   measureFiles,
	"many":    measureMany,
	"small":   measureSmall,
	"memory":  measureMemory,
	"buffers": measureBuffers,
}

// caseOrder is the order of "--case all" and of the usage text.
var caseOrder = []string{"files", "many", "small", "memory", "buffers"}
