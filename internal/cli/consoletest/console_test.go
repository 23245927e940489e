package consoletest

import (
	"fmt"
	"testing"
)

// TestConsole: what is awaited may come in pieces.
func TestConsole(t *testing.T) {
	c := New()
	for _, want := range []string{"listening", "listening on 1"} {
		before, changed := c.Text()
		fmt.Fprint(c, want[len(before):])
		<-changed
		if c.String() != want {
			t.Errorf("read %q, not %q", c, want)
		}
	}
}
