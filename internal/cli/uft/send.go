package uft

import (
	"context"

	"example.com/uft/transfer"
)

// runSend sends the files of the command in one offer, and returns the exit
// code: that of the first failure, if there is one. A file that cannot be
// opened is reported, and the others are sent all the same.
func runSend(ctx context.Context, c Command, std stdio) int {
	var outcome tally
	var sources []transfer.Source
	for _, name := range c.Files {
		source := transfer.Source{Path: name}
		if name == Stdio {
			source = transfer.Source{Reader: std.in, Name: c.StdinName}
		}
		if err := source.Check(); err != nil {
			std.report(sourceError(name, err))
			outcome.add(err)
			continue
		}
		sources = append(sources, source)
	}
	if len(sources) == 0 {
		return outcome.code
	}
	cl, err := dial(ctx, c, std)
	if err != nil {
		std.report(err)
		outcome.add(err)
		return outcome.code
	}
	defer cl.close()
	results := cl.files.Send(ctx, sources, transfer.Options{Progress: cl.update})
	for i := range results {
		cl.finish(sent, &results[i])
		outcome.add(results[i].Err)
	}
	return outcome.code
}
