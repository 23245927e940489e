// Command chat passes messages between two machines, with and without a
// connection; see chat --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/uft/internal/cli/chat"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the program at once, unless it is the same keystroke.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second/2, stop) })
	os.Exit(chat.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
