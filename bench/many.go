package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// measureMany is the case many: a thousand files of 1 MiB from one client
// process through one server, by turns with one file of their total size.
func measureMany(ctx context.Context, r *rig, doc *report) error {
	const each = 1 << 20
	dir := filepath.Join(r.area, "many")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	paths := make([]string, r.count)
	for i := range paths {
		paths[i] = filepath.Join(dir, fmt.Sprintf("file%05d.bin", i))
		if err := writeRandom(paths[i], each, byte(i)); err != nil {
			return err
		}
	}
	// The large file stands in the place of the usual one.
	large := *r
	large.size, large.source = int64(r.count)*each, filepath.Join(r.area, "source", "total.bin")
	defer os.Remove(large.source)
	if err := large.makeSource(ctx); err != nil {
		return err
	}
	var rows [][]string
	for _, n := range r.networks {
		single := &series{subject: uftSend, network: n.name}
		many := &series{network: n.name, subject: subject{
			name: fmt.Sprintf("%d × 1 MiB", r.count),
			run: func(ctx context.Context, r *rig, n network) (result, error) {
				return sendMany(ctx, r, n, dir, paths)
			},
		}}
		for round := range r.rounds {
			for _, s := range []*series{single, many} {
				if err := s.measure(ctx, &large, n, round+1); err != nil {
					return err
				}
			}
		}
		doc.check(single, many)
		single.subject.name = "one file of " + sizeText(large.size)
		for _, s := range []*series{single, many} {
			rows = append(rows, append([]string{n.name}, append(s.row(), ratio(s.goodput(), single.goodput()))...))
		}
	}
	doc.section("Many transfers at once",
		fmt.Sprintf("`uft HOST -t` with %d files of 1 MiB in one command, and one file of the same total; median of %d. All copies were compared.", r.count, r.rounds),
		table(append(append([]string{""}, columns...), "÷ one file"), rows))
	return r.emptyCopies()
}

// sendMany sends all files with one command and compares the folders.
func sendMany(ctx context.Context, r *rig, n network, dir string, paths []string) (result, error) {
	port, err := freePort()
	if err != nil {
		return result{}, err
	}
	res, err := pair{
		server:   []string{r.uft, "-a", "-p", text(port), "-d", r.copies},
		client:   append([]string{r.uft, n.addr, "-p", text(port), "-t"}, paths...),
		protocol: "udp", port: port, signal: syscall.SIGTERM,
	}.run(ctx, r, n)
	if err != nil {
		return res, err
	}
	if out, err := exec.CommandContext(ctx, "diff", "-rq", dir, r.copies).CombinedOutput(); err != nil {
		return res, fmt.Errorf("the copies are wrong: %w: %.300s", err, out)
	}
	return res, nil
}
