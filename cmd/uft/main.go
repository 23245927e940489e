// Command uft moves files over UDP; see uft --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/uft/internal/cli/processors"
	"example.com/uft/internal/cli/uft"
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // a reader that goes away is an error of the write
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the program at once, unless it is the same keystroke.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second/2, stop) })
	processors.Follow(ctx)
	os.Exit(uft.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
