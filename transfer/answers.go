package transfer

import (
	"context"
	"fmt"
	"slices"

	"example.com/uft/internal/xfer"
)

// maxSends is how many files that a client asked for are on their way to it at
// once. Each holds an open file and memory for what is not acknowledged.
const maxSends = 8

// answers is what a server does about the requests on one connection: it sends
// maxSends files at once, and the others when their turn comes, in the order in
// which they were asked for.
type answers struct {
	server  *Server
	c       *control
	setRate func(bitsPerSecond int64) // of the connection
	yield   func(on bool)             // has the connection yield to all others

	// Guarded by c.mu.
	running int
	waiting []*xfer.Request // session bounds how many
	rates   []int64         // that the files under way were asked for with, in bit/s
	applied int64           // the rate of the connection; 0: none is set
	modest  int             // files under way that were asked for in the background
	yields  bool            // the connection is there
}

// take takes a request. c.mu is held.
func (a *answers) take(m *xfer.Request) {
	switch {
	case m.Rate != 0 && (m.Rate < lowestRate || m.Rate > highestRate):
		a.c.session.RefuseRequest(m.ID, xfer.CodeRate, fmt.Sprintf("the rate has to be at least %d bit/s", lowestRate))
	case a.running == maxSends:
		a.waiting = append(a.waiting, m)
	default:
		a.running++
		a.c.job(func() { a.run(m) })
	}
}

// run sends one file after the other until none waits.
func (a *answers) run(m *xfer.Request) {
	for m != nil {
		a.send(m)
		m = a.next()
	}
}

// next returns the request whose turn it is, nil where the caller has to end:
// there is none, or the conversation is over.
func (a *answers) next() *xfer.Request {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	if len(a.waiting) == 0 || a.c.ctx.Err() != nil {
		a.running--
		return nil
	}
	m := a.waiting[0]
	a.waiting = slices.Delete(a.waiting, 0, 1)
	return m
}

// send sends a file that the client asked for.
func (a *answers) send(m *xfer.Request) {
	s, c := a.server, a.c
	event := Event{Client: c.conn.RemoteAddr(), Sending: true, Started: true, Result: Result{Name: m.Name}}
	s.log(event)
	event.Started = false
	var listed *measured
	defer func() {
		s.running.end(listed, true, &event.Result)
		s.log(event)
	}()
	file, err := s.folder.OpenSource(m.Name)
	if err != nil {
		code := sourceCode(err)
		c.update(func() { c.session.RefuseRequest(m.ID, code, reasonText(err)) })
		event.Result.Err = failureError(m.Name, &xfer.Failure{Code: code}, true, err)
		return
	}
	a.beginRate(int64(m.Rate))
	defer a.endRate(int64(m.Rate))
	a.beginMode(m.Background)
	defer a.endMode(m.Background)
	list, err := c.offer([]*openSource{openFile(m.Name, m.Name, file)}, &m.ID)
	if err != nil {
		event.Result.Err = connectionError(m.Name, err)
		return
	}
	listed = s.running.begin(list[0], c.conn, &list[0].meter, true)
	c.pump(list[0])
	event.Result = list[0].result(context.Background())
}

// beginRate heeds the rate of a file that is sent from now on, 0 for none.
func (a *answers) beginRate(rate int64) {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	if rate != 0 {
		a.rates = append(a.rates, rate)
		a.applyRate()
	}
}

// endRate takes back what beginRate did: the file is sent.
func (a *answers) endRate(rate int64) {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	if i := slices.Index(a.rates, rate); i >= 0 {
		a.rates = slices.Delete(a.rates, i, i+1)
		a.applyRate()
	}
}

// applyRate gives the connection the lowest rate asked for, which none of the
// files may exceed. One that is set already is not set again: that would undo
// what the connection has learnt of the path. c.mu is held.
func (a *answers) applyRate() {
	lowest := int64(0)
	if len(a.rates) > 0 {
		lowest = slices.Min(a.rates)
	}
	if lowest != a.applied {
		a.applied = lowest
		a.setRate(lowest)
	}
}

// beginMode heeds whether a file that is sent from now on was asked for in the
// background. As long as there is one such, the connection is there, which carries
// the others too.
func (a *answers) beginMode(background bool) {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	if background {
		a.modest++
	}
	a.applyMode()
}

// endMode takes back what beginMode did: the file is sent. Where no other one is,
// the mode stays, and with it what was learnt of the path, until the next file.
func (a *answers) endMode(background bool) {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	if background {
		a.modest--
	}
	if a.running > 1 {
		a.applyMode()
	}
}

// applyMode tells the connection if its mode changes. c.mu is held.
func (a *answers) applyMode() {
	if on := a.modest > 0; on != a.yields {
		a.yields = on
		a.yield(on)
	}
}
