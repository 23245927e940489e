package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Transfers that are to be interrupted go at this rate, so that the file of
// 16 MiB is under way for half a minute.
const (
	slow      = "5M"
	slowBytes = 16 << 20
)

// TestServerIsKilled: the client finds out within seconds, and no half of the
// file has its name.
func TestServerIsKilled(t *testing.T) {
	for _, way := range []string{"-t", "-r"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			server, client := newHost(t), newHost(t)
			service := server.start("uft", "-a", "-s", "-p", "0")
			source, target := client, server
			if way == "-r" {
				source, target = server, client
			}
			source.write("file", randomBytes(1, slowBytes))
			moving := client.start("uft", "127.0.0.1", "-p", service.port(), "-b", slow, way, "file")
			target.waitForBytes(moving)
			service.kill()
			killed := time.Now()
			moving.mustEnd(5, 10*time.Second)
			t.Logf("found out after %.2f s", time.Since(killed).Seconds())
			target.mustLack("file")
		})
	}
}

// TestClientIsKilled: the server serves others, also under the same name, and
// forgets the client after the idle timeout, the only sign that it can have.
func TestClientIsKilled(t *testing.T) {
	t.Parallel()
	server, client, other := newHost(t), newHost(t), newHost(t)
	contents := randomBytes(2, 1<<20)
	client.write("file", randomBytes(1, slowBytes))
	other.write("file", contents)
	service := server.start("uft", "-a", "-p", "0", "--idle-timeout", "3s")
	port := service.port()

	moving := client.start("uft", "127.0.0.1", "-p", port, "-b", slow, "-t", "file")
	server.waitForBytes(moving)
	moving.kill()
	server.mustLack("file")
	killed := time.Now()

	other.run(30*time.Second, "uft", "127.0.0.1", "-p", port, "-t", "file")
	server.mustHold("file", contents)
	t.Logf("%q, %.2f s after the end of the client", service.waitFor(`\d: file: (.*)\n`)[1], time.Since(killed).Seconds())
	service.mustStop()
}

// TestInterruptedTransfer: both sides end, each with its code, and at once.
func TestInterruptedTransfer(t *testing.T) {
	t.Parallel()
	server, client := newHost(t), newHost(t)
	client.write("file", randomBytes(1, slowBytes))
	service := server.start("uft", "-a", "-p", "0")

	moving := client.start("uft", "127.0.0.1", "-p", service.port(), "-b", slow, "-t", "file")
	server.waitForBytes(moving)
	if err := moving.command.Process.Signal(os.Interrupt); err != nil {
		t.Skipf("no interrupt on this system: %v", err)
	}
	moving.mustEnd(130, 5*time.Second)
	service.waitFor(`\S+:\d+: .*file.*\n`)
	server.mustLack("file")
	service.mustStop()
}

// TestSourceChanges: a file that is written to while it is sent does not
// arrive as a mixture of before and after. The file is far larger than what a
// sender reads ahead, and under way for 5 s, so that it cannot have read all of
// it before the change, on a busy machine either.
func TestSourceChanges(t *testing.T) {
	const size = 64 << 20
	other := randomBytes(7, size) // made before it is needed: it takes its time
	changes := map[string]func(t *testing.T, path string){
		"truncated": func(t *testing.T, path string) {
			if err := os.Truncate(path, 1000); err != nil {
				t.Fatal(err)
			}
		},
		"overwritten": func(t *testing.T, path string) { writeTo(t, path, 0, other) },
		"longer":      func(t *testing.T, path string) { writeTo(t, path, os.O_APPEND, []byte("more")) },
	}
	for how, change := range changes {
		for _, way := range []string{"-t", "-r"} {
			t.Run(how+way, func(t *testing.T) {
				t.Parallel()
				server, client := newHost(t), newHost(t)
				source, target := client, server
				if way == "-r" {
					source, target = server, client
				}
				source.write("file", randomBytes(1, size))
				service := server.start("uft", "-a", "-s", "-p", "0")
				moving := client.start("uft", "127.0.0.1", "-p", service.port(), "-b", "100M", way, "file")
				target.waitForBytes(moving)
				change(t, source.path("file"))
				moving.mustEnd(6, patience)
				target.mustLack("file")
				service.mustStop()
			})
		}
	}
}

// writeTo writes to a file that is there.
func writeTo(t *testing.T, path string, flag int, contents []byte) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY|flag, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(contents); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// waitForBytes waits until the host has written the first bytes of a file that
// is on its way: until then the sender may not have opened it.
func (h *host) waitForBytes(p *process) {
	h.t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		parts, err := filepath.Glob(h.path(".uft-*.part"))
		if err != nil {
			h.t.Fatal(err)
		}
		for _, part := range parts {
			if info, err := os.Stat(part); err == nil && info.Size() > 0 {
				return
			}
		}
		select {
		case <-tick.C:
		case <-p.ended:
			h.t.Fatalf("%s ended before anything was written:\n%s", p.line, p.words())
		case <-limit:
			h.t.Fatalf("%s: nothing was written within %v", p.line, patience)
		}
	}
}
