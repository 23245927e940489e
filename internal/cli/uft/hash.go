package uft

import (
	"context"
	"fmt"
	"io"
	"os"

	"example.com/uft/internal/cli/term"
)

// rootHash computes the hash of everything in r that a transfer of the same
// bytes would show.
type rootHash func(r io.Reader) ([32]byte, error)

// runHash prints the hash of each file, `uft1:` and 64 hexadecimal digits, two
// spaces and the name. A file that cannot be read is reported, and the others
// are still hashed.
func runHash(ctx context.Context, files []string, hash rootHash, std stdio) int {
	var outcome tally
	for _, name := range files {
		root, err := hashFile(ctx, name, hash, std.in)
		if err == nil {
			_, err = fmt.Fprintf(std.out, "uft1:%x  %s\n", root, term.EscapePath(name))
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
func hashFile(ctx context.Context, name string, hash rootHash, stdin io.Reader) ([32]byte, error) {
	source := stdin
	if name != Stdio {
		file, err := os.Open(name)
		if err != nil {
			return [32]byte{}, fail(ExitSource, err)
		}
		defer file.Close()
		source = file
	}
	root, err := hash(&interruptible{ctx: ctx, r: source})
	if ctx.Err() != nil {
		return [32]byte{}, fail(ExitInterrupted, fmt.Errorf("hash %s: interrupted", name))
	}
	if err != nil {
		return [32]byte{}, fail(ExitSource, fmt.Errorf("hash %s: %w", name, err))
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
