package transport

import (
	"net/netip"
	"testing"
	"testing/fstest"
	"time"

	"example.com/uft/internal/link"
)

// TestMemoryOfControlGroups: what can be had is the least of what the machine and
// the groups around this process leave.
func TestMemoryOfControlGroups(t *testing.T) {
	const gigabyte = 1 << 30
	machine := map[string]string{"proc/meminfo": "MemTotal: 9437184 kB\nMemAvailable: 8388608 kB\n"}
	for _, test := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"no groups", nil, 8 * gigabyte},
		{"no limit", map[string]string{
			"proc/self/cgroup": "0::/user\n", "sys/fs/cgroup/user/memory.max": "max\n", "sys/fs/cgroup/user/memory.current": "1000\n",
		}, 8 * gigabyte},
		{"a container that sees its own group at the root", map[string]string{
			"proc/self/cgroup":              "0::/\n",
			"sys/fs/cgroup/memory.max":      "536870912\n",
			"sys/fs/cgroup/memory.current":  "200000000\n",
			"sys/fs/cgroup/memory.stat":     "anon 1\ninactive_file 50000000\nactive_file 3\n",
			"sys/fs/cgroup/memory.high":     "max\n",
			"sys/fs/cgroup/pids.max":        "5\n",
			"sys/fs/cgroup/memory.swap.max": "0\n",
		}, 536870912 - 200000000 + 50000000},
		{"the group around it has less", map[string]string{
			"proc/self/cgroup":                 "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max":     "2000000000\n",
			"sys/fs/cgroup/a/b/memory.stat":    "inactive_file 0\n",
			"sys/fs/cgroup/a/b/memory.current": "1000\n",
			"sys/fs/cgroup/a/memory.max":       "1000000000\n",
			"sys/fs/cgroup/a/memory.current":   "900000000\n",
		}, 100000000},
		{"version 1", map[string]string{
			"proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/docker/x\n0::/\n",
			"sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": "600000000\n",
			"sys/fs/cgroup/memory/docker/x/memory.usage_in_bytes": "500000000\n",
			"sys/fs/cgroup/memory/docker/x/memory.stat":           "inactive_file 7\ntotal_inactive_file 100000000\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":          "9223372036854771712\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes":          "1\n",
		}, 200000000},
		{"version 1, without a limit at its root", map[string]string{
			"proc/self/cgroup":                           "4:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes": "50000\n",
			"sys/fs/cgroup/memory/memory.stat":           "total_inactive_file 60000\n",
		}, 8 * gigabyte},
		{"used up", map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "2000\n",
		}, 0},
		{"nonsense", map[string]string{
			"proc/self/cgroup": "0::/../..\nx\n", "sys/fs/cgroup/memory.max": "-5\n", "sys/fs/cgroup/memory.current": "much\n",
		}, 8 * gigabyte},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := fstest.MapFS{}
			for _, files := range []map[string]string{machine, test.files} {
				for name, text := range files {
					root[name] = &fstest.MapFile{Data: []byte(text)}
				}
			}
			if got := availableIn(root); got != test.want {
				t.Errorf("%d bytes, want %d", got, test.want)
			}
		})
	}
	if got := availableIn(fstest.MapFS{}); got != unknownMemory {
		t.Errorf("%d bytes where the system tells nothing", got)
	}
}

// TestShareOfTheMachine: what connections may have grows with the machine, and a
// small one is not used up.
func TestShareOfTheMachine(t *testing.T) {
	const mebibyte = 1 << 20
	for _, test := range []struct{ available, connection, server int64 }{
		{unknownMemory, 64, 256},
		{300 * mebibyte, 64, 150},
		{512 * mebibyte, 64, 256},
		{2048 * mebibyte, 128, 512},
		{8192 * mebibyte, 256, 2048},
	} {
		bulk := bulkMemory(test.available)
		if server := serverMemory(test.available, bulk); bulk != test.connection*mebibyte || server != test.server*mebibyte {
			t.Errorf("of %d MiB: a connection %d, a server %d MiB", test.available/mebibyte, bulk/mebibyte, server/mebibyte)
		}
	}
	if serverMemory(unknownMemory, 1<<30) < 2<<30 {
		t.Error("a server has less than two of its connections may have")
	}
}

// TestWindowsShareTheBudget: all windows together are half of the limit, however
// many there are.
func TestWindowsShareTheBudget(t *testing.T) {
	b := &memoryBudget{limit: 1 << 30}
	for n := range 1000 {
		if before, after := b.window(false), func() uint64 { b.join(); return b.window(true) }(); before != after {
			t.Fatalf("a window of %d bytes with the first byte, %d before", after, before)
		}
		if total := uint64(n+1) * b.window(true); total > 1<<29 || total < 1<<29-1000 {
			t.Fatalf("%d connections have windows of %d bytes in all", n+1, total)
		}
	}
}

// TestIdleConnectionsTakeNoCredit: the credit of one that receives is not shared with
// connections that do nothing, and is shared again with nobody once it has ended.
func TestIdleConnectionsTakeNoCredit(t *testing.T) {
	inWorld(t, link.Config{Delay: 5 * time.Millisecond}, nil, func(t *testing.T, w *world) {
		for i := range 20 {
			w.client = netip.AddrPortFrom(clientAddress.Addr(), clientAddress.Port()+1+uint16(i))
			w.dial(nil)
			w.accept()
		}
		w.client = clientAddress
		_, s, b := transferPair(t, w, nil)
		buf, err := b.Buffer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Send(buf[:1000]); err != nil {
			t.Fatal(err)
		}
		incoming(t, s)
		time.Sleep(time.Second)
		memory := w.listener.memory
		if got := memory.connections.Load(); got != 1 {
			t.Errorf("%d connections share the memory for transfers, want the one that receives", got)
		}
		s.Close()
		<-s.stopped
		if got, used := memory.connections.Load(), memory.used.Load(); got != 0 || used != 0 {
			t.Errorf("%d connections with %d bytes in the end", got, used)
		}
	})
}
