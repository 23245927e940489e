// Medium is a UDP relay, or a tunnel for everything over IP, that behaves like a
// bad network.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"example.com/uft/internal/cli/medium"
)

func main() {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	os.Exit(medium.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
