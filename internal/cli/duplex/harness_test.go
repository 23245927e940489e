package duplex

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"

	"example.com/uft/internal/cli/consoletest"
	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/cli/medium"
	"example.com/uft/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// running is a program that runs in the test.
type running struct {
	t       *testing.T
	said    *consoletest.Console
	ended   chan int
	stop    context.CancelFunc
	program string
}

type main func(context.Context, []string, *consoletest.Console) int

func start(t *testing.T, program string, run main, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, said: consoletest.New(), ended: make(chan int, 1), stop: cancel, program: program}
	go func() { r.ended <- run(ctx, args, r.said) }()
	t.Cleanup(cancel)
	return r
}

// language returns an environment that asks for a language.
func language(locale string) func(string) string {
	return func(name string) string { return map[string]string{"LANG": locale}[name] }
}

func startServer(t *testing.T, args ...string) *running {
	t.Helper()
	return start(t, "serveur", func(ctx context.Context, args []string, said *consoletest.Console) int {
		return RunServer(ctx, args, nil, said, said, language("en_US"))
	}, args...)
}

func startClient(t *testing.T, args ...string) *running {
	t.Helper()
	return start(t, "client", func(ctx context.Context, args []string, said *consoletest.Console) int {
		return RunClient(ctx, args, nil, said, said, language("en_US"))
	}, args...)
}

// startMedium puts a bad network in front of a port, until the end of the test.
func startMedium(t *testing.T, port string, impairments ...string) *running {
	t.Helper()
	r := start(t, "medium", func(ctx context.Context, args []string, said *consoletest.Console) int {
		return medium.Run(ctx, args, nil, said, said)
	}, append([]string{"--listen", "127.0.0.1:0", "--to", "127.0.0.1:" + port}, impairments...)...)
	t.Cleanup(func() {
		r.stop()
		r.ends(exit.Done)
	})
	return r
}

// says waits until the program has said something that fits a regular
// expression, and returns what its last group holds.
func (r *running) says(expression string) string {
	r.t.Helper()
	for {
		text, changed := r.said.Text()
		if found := regexp.MustCompile(expression).FindStringSubmatch(text); found != nil {
			return found[len(found)-1]
		}
		select {
		case <-changed:
		case code := <-r.ended:
			r.t.Fatalf("%s ended with %d and did not say %q:\n%s", r.program, code, expression, r.said)
		}
	}
}

// port returns the port where the program listens.
func (r *running) port() string {
	r.t.Helper()
	return r.says(`(?:listening on|listening at|à l'écoute sur) \S+:(\d+)\b`)
}

// ends waits for the end of the program, which has to have this exit code and
// to have said all of these.
func (r *running) ends(code int, said ...string) {
	r.t.Helper()
	if got := <-r.ended; got != code {
		r.t.Errorf("%s ended with %d, not with %d:\n%s", r.program, got, code, r.said)
	}
	for _, want := range said {
		if !strings.Contains(r.said.String(), want) {
			r.t.Errorf("%s did not say %q:\n%s", r.program, want, r.said)
		}
	}
}

// random makes a file of random bytes that differ from those of other sizes.
func random(t *testing.T, path string, size int) string {
	t.Helper()
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(size), byte(size >> 8), byte(size >> 16)}).Read(data)
	if err := os.WriteFile(path, data, 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func same(t *testing.T, a, b string) {
	t.Helper()
	first, err1 := os.ReadFile(a)
	second, err2 := os.ReadFile(b)
	if err1 != nil || err2 != nil || !bytes.Equal(first, second) {
		t.Errorf("%s and %s differ (%d and %d bytes; %v, %v)", a, b, len(first), len(second), err1, err2)
	}
}

// onlyHolds fails where a folder holds other files than these: a part file was
// left behind, or something that failed has its final name.
func onlyHolds(t *testing.T, folder string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(names) {
		t.Errorf("the folder holds %v, not %v", got, names)
	}
}

func hasIPv6() bool {
	conn, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// freePort borrows a port from the system.
func freePort(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, port, _ := net.SplitHostPort(conn.LocalAddr().String())
	return port
}
