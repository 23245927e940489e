package transport

import (
	"bytes"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// What received transfers may take of the machine's memory, in bytes. It is a
// bound and no need: memory is taken as bytes come, and the credit for them grows
// with what arrives in a round trip (docs/protocol.md §9.3). A gigabit over a
// satellite is 75 MB on the way, and as much again for each round trip that what
// was lost takes to come.
const (
	leastBulkMemory = 64 << 20
	mostBulkMemory  = 256 << 20
	// bulkShare of the memory that can be had is what a connection may take.
	bulkShare = 16

	// maxRepairMemory bounds the copies by which the tail of transfers is repaired.
	maxRepairMemory = 128 << 20

	// Of all connections of a server together.
	leastServerMemory = 256 << 20
	serverShare       = 4
)

// bulkMemory is the default of Config.BulkMemory.
func bulkMemory(available int64) int64 {
	return min(max(available/bulkShare, leastBulkMemory), mostBulkMemory)
}

// serverMemory is what the received transfers of all connections of a server may
// take. In little memory it is half of that, so that a server in a small container
// is not killed, but what two connections may have in any case.
func serverMemory(available, bulk int64) int64 {
	least := int64(leastServerMemory)
	if available != unknownMemory {
		least = min(least, available/2)
	}
	return max(least, available/serverShare, 2*bulk)
}

// initialCredit is how many bytes of transfers a peer may send before anything
// was consumed: a quarter of the free memory, within bounds, and less for each
// connection that is there already (docs/protocol.md §9.3).
func initialCredit(free int64, connections int) int64 {
	return max(minInitialCredit, min(free/4, maxInitialCredit)/int64(1+connections))
}

// repairMemory is how much of that a connection may keep for the repair of
// tails: less for each connection that is there already, so that all of them
// together stay within about an eighth of the free memory, times the logarithm
// of their number.
func repairMemory(most, free int64, connections int) int64 {
	return max(1, min(most, free/8/int64(1+connections))) // 0 would mean the default
}

// unknownMemory is what is taken for free where the system does not tell.
const unknownMemory = 64 << 20

// availableMemory returns how many bytes of memory can be had without swapping,
// and without being killed for it. Only Linux tells in files.
func availableMemory() int64 { return availableIn(os.DirFS("/")) }

func availableIn(root fs.FS) int64 {
	available := int64(unknownMemory)
	if text, err := fs.ReadFile(root, "proc/meminfo"); err == nil {
		available = parseMemoryInfo(text)
	}
	return min(available, groupMemory(root))
}

// parseMemoryInfo finds the line "MemAvailable: 12345 kB".
func parseMemoryInfo(text []byte) int64 {
	if kilobytes, found := figure(text, "MemAvailable:"); found && kilobytes < math.MaxInt64>>10 {
		return kilobytes << 10
	}
	return unknownMemory
}

// A groupFiles names the files in which a control group tells of its memory.
type groupFiles struct{ folder, limit, usage, idle string }

var (
	groupsV1 = groupFiles{"sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"}
	groupsV2 = groupFiles{"sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"}
)

// groupMemory returns what is left of the memory that a container, or another
// control group, is limited to (cgroups(7)): the least of the one that this process
// is in and of those around it. Inside a container its own is often at the root,
// whatever it is called outside.
func groupMemory(root fs.FS) int64 {
	left := int64(math.MaxInt64)
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return left
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3) // hierarchy, controllers, group
		if len(fields) < 3 {
			continue
		}
		files := groupsV1
		switch {
		case fields[0] == "0":
			files = groupsV2
		case !strings.Contains(","+fields[1]+",", ",memory,"):
			continue
		}
		for group := path.Clean("/" + fields[2]); ; group = path.Dir(group) {
			left = min(left, files.left(root, group))
			if group == "/" {
				break
			}
		}
	}
	return left
}

// left returns how many bytes of its limit a group does not use. What it has read
// of files, and does not use any more, can be had.
func (f groupFiles) left(root fs.FS, group string) int64 {
	folder := path.Join(f.folder, group)
	limit, limited := number(root, path.Join(folder, f.limit))
	usage, used := number(root, path.Join(folder, f.usage))
	if !limited || !used {
		return math.MaxInt64
	}
	stat, _ := fs.ReadFile(root, path.Join(folder, "memory.stat"))
	idle, _ := figure(stat, f.idle)
	return max(limit-usage+min(idle, usage), 0) // the counts are not of one moment
}

// number reads a file that is one number; no limit is the word "max" in some.
func number(root fs.FS, name string) (n int64, found bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err = strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	return n, err == nil && n >= 0
}

// figure finds the line of a name, and the number behind it.
func figure(text []byte, name string) (n int64, found bool) {
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) < 2 || string(fields[0]) != name {
			continue
		}
		if n, err := strconv.ParseInt(string(fields[1]), 10, 64); err == nil && n >= 0 {
			return n, true
		}
	}
	return 0, false
}
