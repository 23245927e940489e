package main

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// measureMemory is the case memory: whether the peak grows with the size of
// the file. The source is sparse and the sink discards, so that the machine
// need not hold what is moved.
func measureMemory(ctx context.Context, r *rig, doc *report) error {
	var rows [][]string
	for _, n := range r.networks {
		for _, size := range r.memory {
			s := &series{network: n.name, subject: subject{name: sizeText(size), run: fetchSparse}}
			here := *r
			here.size, here.source = size, filepath.Join(r.area, "sparse", "sparse.bin")
			here.limit = max(r.limit, r.limit*time.Duration(size>>30)/2)
			if err := os.MkdirAll(filepath.Dir(here.source), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(here.source, nil, 0o644); err != nil {
				return err
			}
			if err := os.Truncate(here.source, size); err != nil {
				return err
			}
			if err := s.measure(ctx, &here, n, 1); err != nil {
				return err
			}
			doc.check(s)
			rows = append(rows, append([]string{n.name}, s.row()...))
		}
	}
	doc.section("Memory by size",
		"`uft HOST -r NAME -o - >/dev/null` of a sparse file on tmpfs, once each.",
		table(append([]string{""}, columns...), rows))
	return os.RemoveAll(filepath.Join(r.area, "sparse"))
}

// fetchSparse moves the file to nowhere. What arrives is not compared: uft
// itself has verified it against the hashes of the sender.
func fetchSparse(ctx context.Context, r *rig, n network) (result, error) {
	port, err := freePort()
	if err != nil {
		return result{}, err
	}
	return pair{
		server: []string{r.uft, "-s", "-p", text(port), "-d", filepath.Dir(r.source)},
		client: []string{
			"sh", "-c", `exec "$@" >/dev/null`, "sh",
			r.uft, n.addr, "-p", text(port), "-r", filepath.Base(r.source), "-o", "-",
		},
		protocol: "udp", port: port, signal: syscall.SIGTERM,
	}.run(ctx, r, n)
}
