package duplex

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/uft/internal/cli/consoletest"
	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/cli/uft"
)

// TestTrace: both sides write a trace that is whole, and that uft plot draws.
func TestTrace(t *testing.T) {
	folder := t.TempDir()
	source, target := random(t, filepath.Join(folder, "in"), 1_400_000), filepath.Join(folder, "out")
	server := startServer(t, target, "0", "--trace", filepath.Join(folder, "server.qlog"))
	startClient(t, source, "127.0.0.1", server.port(), "--trace="+filepath.Join(folder, "client.qlog")).ends(exit.Done)
	server.ends(exit.Done)
	for _, point := range []string{"client", "server"} {
		name := filepath.Join(folder, point)
		text, err := os.ReadFile(name + ".qlog")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"type":"` + point + `"`, `:1400000`, `"name":"connectivity:connection_closed"`} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the trace of the %s lacks %s", point, want)
			}
		}
		said := consoletest.New()
		if code := uft.Run(t.Context(), []string{"plot", name + ".qlog"}, nil, said, said); code != exit.Done {
			t.Errorf("uft plot of the %s ended with %d: %s", point, code, said)
		}
		if picture, err := os.ReadFile(name + ".svg"); err != nil || !strings.Contains(string(picture), "<svg") {
			t.Errorf("the picture of the %s: %v", point, err)
		}
	}
}

// TestTraceOfAFailure is complete too.
func TestTraceOfAFailure(t *testing.T) {
	folder := t.TempDir()
	file, out := random(t, filepath.Join(folder, "file"), 10), filepath.Join(folder, "out")
	name := filepath.Join(folder, "failed.qlog")
	server := startServer(t, out, "0")
	startClient(t, file, out+"2", "127.0.0.1", server.port(), "--trace", name).ends(exit.Refused)
	server.ends(exit.Refused)
	text, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(text), `"name":"connectivity:connection_closed"`) {
		t.Errorf("the trace of a failure: %v\n%s", err, text)
	}
}

// TestTraceThatCannotBe: no place for it, and a file that it would overwrite.
func TestTraceThatCannotBe(t *testing.T) {
	folder := t.TempDir()
	file, out := random(t, filepath.Join(folder, "file"), 10), filepath.Join(folder, "out")
	missing := filepath.Join(folder, "missing", "t.qlog")
	startClient(t, file, "127.0.0.1", "9", "--trace", missing).ends(exit.Other, "client: the trace cannot be written: open "+missing+": ")
	startClient(t, file, "127.0.0.1", "9", "--trace", file).ends(exit.Usage, file+" cannot be the trace and a file of the transfer")
	startServer(t, out, "0", "--trace", out).ends(exit.Usage, out+" cannot be the trace and a file of the transfer")
	if info, err := os.Stat(file); err != nil || info.Size() != 10 {
		t.Errorf("the file to be sent was touched: %v, %v", info, err)
	}
	onlyHolds(t, folder, "file")
}
