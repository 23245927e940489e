package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// everything asks for the scenarios in full size, and for the promises about
// time and rate to be held.
var everything = os.Getenv("UFT_E2E") == "all"

// programs is the folder of the built programs.
var programs string

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.list").Value.String() != "" {
		os.Exit(m.Run()) // nothing will be run that needs the programs
	}
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// buildAndRun builds the programs as `make build` does, and runs the tests.
func buildAndRun(m *testing.M) (int, error) {
	folder, err := os.MkdirTemp("", "uft-e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a temporary folder
	programs = folder
	build := exec.Command("go", "build", "-o", folder+string(filepath.Separator), "example.com/uft/cmd/...")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("building the programs: %w\n%s", err, output)
	}
	return m.Run(), nil
}

// program returns the path of a built program.
func program(name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(programs, name)
}

// fullSize returns whole where everything is asked for, and otherwise part.
func fullSize[T any](whole, part T) T {
	if everything {
		return whole
	}
	return part
}

// besideOthers lets a test run at the same time as others, but in full, where
// the time that it takes is held against a promise.
func besideOthers(t *testing.T) {
	t.Helper()
	if !everything {
		t.Parallel()
	}
}

// onlyInFull skips a test that is about a promise of time or rate, or that
// takes long.
func onlyInFull(t *testing.T) {
	t.Helper()
	if !everything {
		t.Skip("only with UFT_E2E=all")
	}
}
