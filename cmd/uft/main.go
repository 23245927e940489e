// Command uft moves files over UDP; see uft --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"example.com/uft/internal/cli/uft"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(uft.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
