package uft

import (
	"context"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"uft": func() {
			// As the program itself does it.
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			context.AfterFunc(ctx, stop)
			os.Exit(Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

// TestScripts runs the program as a user would; the scripts are also its
// description by example. The commands that they have besides those of package
// testscript are in scriptcommands_test.go.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join("testdata", "script"),
		Setup:              setUp,
		Condition:          scriptCondition,
		Cmds:               scriptCommands,
		RequireUniqueNames: true,
	})
}

// setUp gives every script a state folder of its own. Under the race detector
// every program would wait a second at its end for late reports.
func setUp(env *testscript.Env) error {
	if env.Getenv("GORACE") == "" {
		env.Setenv("GORACE", "atexit_sleep_ms=10")
	}
	env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
	env.Values[programsKey{}] = programs{}
	return nil
}

// scriptCondition decides what stands in brackets before a line of a script.
func scriptCondition(condition string) (bool, error) {
	switch condition {
	case "ipv6":
		conn, err := net.ListenPacket("udp6", "[::1]:0")
		if err != nil {
			return false, nil
		}
		return true, conn.Close()
	case "root":
		return os.Geteuid() == 0, nil
	}
	return false, &unknownCondition{condition}
}

type unknownCondition struct{ name string }

func (e *unknownCondition) Error() string { return "there is no condition " + e.name }
