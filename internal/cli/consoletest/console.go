// Package consoletest is an output of a program that runs in a test, which waits
// there for what the program says.
package consoletest

import (
	"strings"
	"sync"
)

// A Console keeps what is written to it, and tells when there is more. Its
// methods may be called by several goroutines.
type Console struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{} // closed when there is more
}

// New returns a console on which nothing stands yet.
func New() *Console { return &Console{changed: make(chan struct{})} }

// Write adds to the text.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
	return c.text.Write(p)
}

// Text returns everything so far, and a channel that is closed when there is
// more.
func (c *Console) Text() (text string, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String(), c.changed
}

// String returns the text alone.
func (c *Console) String() string {
	text, _ := c.Text()
	return text
}
