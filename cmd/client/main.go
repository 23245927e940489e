// Command client sends a file to serveur, or exchanges two with it; see client --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"example.com/uft/internal/cli/duplex"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(duplex.RunClient(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}
