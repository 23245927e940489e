// Package leaktest is the TestMain of packages whose connections linger: after
// its close a connection answers late datagrams for a while, as the protocol
// asks (docs/protocol.md §11.2), and only then do its goroutines end.
package leaktest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// longestLinger is how long a connection that is over may go on, and as much
// again and more for a machine with other work. Only who leaks waits so long.
const longestLinger = 30 * time.Second

// Main runs the tests, and fails them when goroutines are left that do not end
// within the time that a connection may linger. The options name those that a
// library starts once and keeps.
func Main(m *testing.M, options ...goleak.Option) {
	code := m.Run()
	for begin := time.Now(); code == 0; {
		err := goleak.Find(options...) // which waits about a second itself
		if err == nil {
			break
		}
		if time.Since(begin) > longestLinger {
			fmt.Fprintln(os.Stderr, "leaktest:", err)
			code = 1
		}
	}
	os.Exit(code)
}
