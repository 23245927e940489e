// Command client sends a file to serveur, or exchanges two with it; see client --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/uft/internal/cli/duplex"
	"example.com/uft/internal/cli/processors"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the program at once, unless it is the same keystroke.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second/2, stop) })
	processors.Follow(ctx)
	os.Exit(duplex.RunClient(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}
