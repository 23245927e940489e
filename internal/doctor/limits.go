package doctor

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"

	"example.com/uft/internal/cli/term"
)

const (
	// enoughDescriptors is how many files a full server may have open: 1024
	// connections, each with a file and a TCP connection, and some to spare.
	enoughDescriptors = 4096
	// enoughMemory is what a program of ours takes at least while it transfers,
	// in bytes, with the same again for the disk's cache.
	enoughMemory = 128 << 20
)

// checkDescriptors says how many files a program may have open at once.
func checkDescriptors(context.Context, Options) []Finding {
	limit, known := descriptorLimit()
	if !known {
		return nil
	}
	return []Finding{weighDescriptors(limit)}
}

// weighDescriptors weighs that limit.
func weighDescriptors(limit uint64) Finding {
	f := Finding{
		Check: "open files", Verdict: OK, Text: fmt.Sprintf("%d at once", limit),
		Values: map[string]any{"limit": limit},
	}
	switch {
	case limit > 1<<40:
		f.Text = "no limit"
		f.Values["limit"] = nil
	case limit < enoughDescriptors:
		f.Verdict = Fix
		f.Text += fmt.Sprintf("; a full server needs %d", enoughDescriptors)
		f.Fix = fmt.Sprintf("ulimit -n %d", enoughDescriptors)
		f.Keep = fmt.Sprintf("echo '* - nofile %d' | sudo tee /etc/security/limits.d/90-uft.conf", enoughDescriptors)
	}
	return f
}

// checkMemory says how much memory can be had without swapping, where the
// system tells.
func checkMemory(context.Context, Options) []Finding {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return nil
	}
	available, known := parseMemory(text)
	if !known {
		return nil
	}
	// A container may have less than its machine.
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if limit, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64); err == nil {
			available = min(available, limit)
		}
	}
	return []Finding{weighMemory(available)}
}

// parseMemory finds the line "MemAvailable: 12345 kB" and returns its bytes.
func parseMemory(text []byte) (available int64, known bool) {
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) >= 2 && string(fields[0]) == "MemAvailable:" {
			kilobytes, err := strconv.ParseInt(string(fields[1]), 10, 40)
			return kilobytes << 10, err == nil && kilobytes >= 0
		}
	}
	return 0, false
}

// weighMemory weighs the bytes that can be had.
func weighMemory(available int64) Finding {
	f := Finding{
		Check: "memory", Verdict: OK, Text: term.Bytes(available) + " available",
		Values: map[string]any{"available_bytes": available},
	}
	if available < enoughMemory {
		f.Verdict = Fix
		f.Text += "; a transfer takes up to " + term.Bytes(enoughMemory/2) + " on each side"
		f.Fix = "end other programs, or give the machine or container more memory"
	}
	return f
}
