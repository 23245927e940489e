package medium

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/uft/internal/trace"
)

// TestTrace: the option makes a trace that says what the link is, complete even
// where nothing passed; and a file that cannot be made ends the program.
func TestTrace(t *testing.T) {
	name := filepath.Join(t.TempDir(), "link.qlog")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	run := func(file string) (code int, said string) {
		var stderr strings.Builder
		args := []string{"--listen", "127.0.0.1:0", "--to", "127.0.0.1:9", "--loss", "5%", "--down", "rate=1M", "--trace", file}
		code = Run(ended, args, nil, &stderr, &stderr)
		return code, stderr.String()
	}
	if code, said := run(name); code != exitDone {
		t.Fatalf("code %d: %s", code, said)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	h, err := trace.Read(file, func(trace.Record) error { return nil })
	if err != nil || h.Point != "network" || h.Title != "medium up: loss=0.05, down: loss=0.05,rate=1000000" {
		t.Errorf("%+v, %v", h, err)
	}
	if code, said := run(filepath.Join(name, "below")); code != exitOther || !strings.HasPrefix(said, "medium: open ") {
		t.Errorf("code %d: %s", code, said)
	}
}
