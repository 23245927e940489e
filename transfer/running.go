package transfer

import (
	"net"
	"slices"
	"sync"
	"time"

	"example.com/uft/transport"
)

// A Status is what a server does at one moment, and what it has done.
type Status struct {
	Since    time.Time // when the server was made
	Running  []Running // the transfers under way, oldest first
	Sent     Total
	Received Total
}

// A Running is a transfer under way at a server.
type Running struct {
	ID      uint64 // which one it is, among all of this server
	Name    string // as the client told it
	Client  net.Addr
	Carrier transport.Carrier // that takes it at the moment
	Sending bool              // the server sends the file; otherwise it receives it
	Begun   time.Time
	Bytes   int64 // acknowledged by the client, or received
	Total   int64 // -1 where it is not known yet

	// What the connection does, with everything else that it carries.
	Loss float64       // share of the packets sent since Begun that were lost, 0 to 1; 0 at the side that receives
	RTT  time.Duration // the smoothed round-trip time; 0 where it is not known yet
}

// A Total is the account of the transfers that are over, in one direction.
type Total struct {
	Files  int64 // done
	Bytes  int64 // of these
	Failed int64 // transfers that came to nothing, refused requests among them
}

// Status returns what the server does now, and a channel that is closed when a
// transfer has begun or ended since. The channels of all calls between two such
// moments are the same one.
func (s *Server) Status() (Status, <-chan struct{}) {
	status, transfers, changed := s.running.read()
	// Their figures are asked for without the lock: each has a lock of its own.
	for _, t := range transfers {
		status.Running = append(status.Running, t.read())
	}
	return status, changed
}

// running is the list of the transfers under way at a server.
type running struct {
	mu        sync.Mutex
	status    Status // without the transfers
	latest    uint64 // number of the transfer that began last
	transfers []*measured
	changed   chan struct{}
}

// measured is a transfer under way, with what tells how it is doing.
type measured struct {
	moving
	id      uint64
	conn    *transport.Conn
	meter   *meter
	sending bool
}

func newRunning() *running {
	return &running{status: Status{Since: time.Now()}, changed: make(chan struct{})}
}

// read returns the account, and the transfers that complete it.
func (r *running) read() (Status, []*measured, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status, slices.Clone(r.transfers), r.changed
}

// begin adds a transfer to the list.
func (r *running) begin(m moving, conn *transport.Conn, meter *meter, sending bool) *measured {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latest++
	t := &measured{moving: m, id: r.latest, conn: conn, meter: meter, sending: sending}
	r.transfers = append(r.transfers, t)
	r.change()
	return t
}

// end takes a transfer off the list, and counts what became of it. A request
// that was refused was never on the list: t is nil then.
func (r *running) end(t *measured, sending bool, result *Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.transfers, t); i >= 0 {
		r.transfers = slices.Delete(r.transfers, i, i+1)
	}
	total := &r.status.Received
	if sending {
		total = &r.status.Sent
	}
	if result.Err != nil {
		total.Failed++
	} else {
		total.Files++
		total.Bytes += result.Bytes
	}
	r.change()
}

// change wakes whoever waits for a change. r.mu is held.
func (r *running) change() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// read takes the figures of a transfer.
func (t *measured) read() Running {
	u := t.progress()
	var r Result
	t.meter.read(&r, t.sending)
	return Running{
		ID: t.id, Name: u.Name, Client: t.conn.RemoteAddr(), Carrier: t.conn.Carrier(), Sending: t.sending,
		Begun: t.meter.start, Bytes: u.Bytes, Total: u.Total,
		Loss: r.Loss, RTT: t.conn.Stats().SmoothedRTT,
	}
}
