package uft

import (
	"context"
	"fmt"
	"io"
	"os"

	"example.com/uft/internal/cli/term"
	"example.com/uft/transfer"

	"example.com/uft/internal/cli/exit"
)

// runHash prints the hash of each file that a transfer of it would show,
// `uft1:` and 64 hexadecimal digits, two spaces and the name. A file that cannot
// be read is reported, and the others are still hashed.
func runHash(ctx context.Context, files []string, std stdio) int {
	var outcome tally
	for _, name := range files {
		root, err := hashFile(ctx, name, std.in)
		if err == nil {
			_, err = fmt.Fprintf(std.out, "%s  %s\n", root, term.EscapePath(name))
		}
		if err != nil {
			std.report(err)
		}
		outcome.add(err)
		if ctx.Err() != nil {
			break
		}
	}
	return outcome.code
}

// hashFile hashes one file, or standard input.
func hashFile(ctx context.Context, name string, stdin io.Reader) (string, error) {
	source := stdin
	if name != Stdio {
		file, err := os.Open(name)
		if err != nil {
			return "", fail(exit.Source, err)
		}
		defer file.Close()
		source = file
	}
	root, err := transfer.Hash(&interruptible{ctx: ctx, r: source})
	if ctx.Err() != nil {
		return "", fail(exit.Interrupted, fmt.Errorf("hash %s: interrupted", name))
	}
	if err != nil {
		return "", fail(exit.Source, fmt.Errorf("hash %s: %w", name, err))
	}
	return root, nil
}

// interruptible is a reader that ends with the context's error.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i *interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}
