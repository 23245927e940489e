package uft

import (
	"context"
	"os"

	"example.com/uft/transfer"
)

// runFetch requests the files of the command one after the other, and returns
// the exit code: that of the first failure, if there is one.
func runFetch(ctx context.Context, c Command, std stdio) int {
	var outcome tally
	cl, err := dial(ctx, c, std)
	if err != nil {
		std.report(err)
		return Code(err)
	}
	defer cl.close()
	options := transfer.Options{Background: c.Background, Progress: cl.update}
	for _, name := range c.Files {
		r := cl.files.Fetch(ctx, name, destination(c, std), c.Bitrate, options)
		cl.finish(received, &r)
		outcome.add(r.Err)
		if ctx.Err() != nil {
			break
		}
	}
	return outcome.code
}

// destination is where a requested file goes.
func destination(c Command, std stdio) transfer.Destination {
	d := transfer.Destination{Overwrite: c.Overwrite, Hidden: c.Hidden, MaxSize: c.MaxSize}
	switch c.Output {
	case "":
		d.Dir = c.Dir
	case Stdio:
		d.Writer = std.out
	default:
		d.Path = c.Output
		if info, err := os.Stat(c.Output); err == nil && info.IsDir() {
			d.Dir, d.Path = c.Output, ""
		}
	}
	return d
}
