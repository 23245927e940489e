package matrix

import (
	"errors"
	"fmt"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/sim"
)

// A Mode is how a transfer is asked for.
type Mode int

// The modes in which every link is measured.
const (
	First  Mode = iota // default rate control, nothing known of the server
	Known              // the same to a server that the same transfer went to before
	Fixed              // the rate given, 97 % of what the path has
	Modest             // in the background, nothing known of the server
)

// Modes are those that the table of links shows, in its order.
var Modes = []Mode{First, Known, Fixed}

// String returns the heading of the mode.
func (m Mode) String() string {
	return [...]string{"first contact", "known server", "-b 97 %", "background"}[m]
}

// fixedShare is the share of the path's rate that Fixed asks for.
const fixedShare = 0.97

// A Transfer is one file over one path.
type Transfer struct {
	Path Path
	Size uint64
	Mode Mode
	Seed uint64
	// Download has the server send the file to the client, which asks for it
	// with a stream of its own.
	Download bool
	// Limit is after how much virtual time the transfer counts as given up;
	// 0: 20 times the ideal and a minute.
	Limit time.Duration
	// Change alters the network before it is made; nil leaves it alone.
	Change func(*sim.Config)
	// Bitrate is the rate that Fixed asks for, gross bit/s; 0: 97 % of the path's.
	Bitrate int64
	// Record takes samples of the transfer; nil: none.
	Record *Recorder
	// Cancelled ends the run when it returns true; nil: never.
	Cancelled func() bool
	// Watch is called when the measured transfer has begun; nil: not.
	Watch func(*sim.Network, *sim.Peer)
}

// A Result is what a transfer cost.
type Result struct {
	Ideal, Took time.Duration
	Meter       Meter
	Stats       core.Stats // of the sender
	DataSent    float64    // file bytes sent ÷ file bytes
	Err         error      // why it did not end, or nil
}

// ErrCancelled says that Transfer.Cancelled ended the run.
var ErrCancelled = errors.New("cancelled")

// Score is the ideal time ÷ the time taken; 0 where the transfer gave up.
func (r Result) Score() float64 {
	if r.Err != nil || r.Took == 0 {
		return 0
	}
	return r.Ideal.Seconds() / r.Took.Seconds()
}

// What the shell gives a connection on a machine with enough memory (package
// transport): bulk credit, and memory for repair, in bytes. It is said here, so that
// the table does not depend on the machine that makes it.
const (
	firstCredit  = 32 << 20
	fullCredit   = 256 << 20
	repairMemory = 128 << 20
)

// Run moves the file and measures.
func (t Transfer) Run() Result {
	r := Result{Ideal: t.Path.Ideal(t.Size)}
	if t.Limit == 0 {
		t.Limit = 20*r.Ideal + time.Minute
	}
	n, meter := newNetwork(t.config())
	options, err := t.prepare(n)
	if err != nil {
		r.Err = err
		return r
	}
	began := n.Now()
	client, err := n.Dial(options)
	if err != nil {
		r.Err = err
		return r
	}
	meter.begin(client, t.Path)
	sender, err := t.begin(n, client)
	if err != nil {
		r.Err = err
		return r
	}
	r.Err = t.run(n, client, func() bool { return sender.Delivered() && received(sender.Other, t.Size) })
	if t.Record != nil {
		t.Record.take()
	}
	r.Took = n.Now().Sub(began)
	r.Meter = meter.end()
	r.Stats = sender.Conn.Stats()
	r.DataSent = float64(r.Stats.DataBytesSent) / float64(max(t.Size, 1))
	return r
}

// begin has the file sent and returns who sends it.
func (t Transfer) begin(n *sim.Network, client *sim.Peer) (sender *sim.Peer, err error) {
	sender = client
	if t.Download {
		if sender, err = ask(n, client); err != nil {
			return nil, err
		}
	}
	if _, err = sender.SendFile(t.Size); err != nil {
		return nil, err
	}
	if t.Watch != nil {
		t.Watch(n, client)
	}
	if t.Record != nil {
		t.Record.begin(n, sender)
	}
	return sender, nil
}

// run lets time pass until the transfer is done.
func (t Transfer) run(n *sim.Network, client *sim.Peer, done func() bool) error {
	cancelled := false
	err := n.Run(t.Limit, func() bool {
		cancelled = t.Cancelled != nil && t.Cancelled()
		return cancelled || client.Closed != nil || done()
	})
	switch {
	case cancelled:
		return ErrCancelled
	case err != nil:
		return err
	}
	return client.Closed
}

// config returns the network of a transfer.
func (t Transfer) config() sim.Config {
	cfg := sim.Config{
		Seed: t.Seed, Up: t.Path.Link(), Down: t.Path.Link(),
		NoTranscript: true, AllowEarly: true,
		Server: credit,
	}
	if t.Mode == Fixed {
		bits := t.Bitrate
		if bits == 0 {
			bits = int64(fixedShare * float64(t.Path.Rate))
		}
		cfg.Client = func(c *core.Config) { c.FixedRate = bits }
	}
	if t.Mode == Modest {
		cfg.Client = func(c *core.Config) { c.Background = true }
	}
	if t.Change != nil {
		t.Change(&cfg)
	}
	return cfg
}

// credit is the server's memory for transfers.
func credit(c *core.Config) {
	c.BulkWindow, c.MaxBulkWindow, c.RepairMemory = firstCredit, fullCredit, repairMemory
}

// prepare returns what the client knows of the server. To know it from before,
// the same transfer is made first.
func (t Transfer) prepare(n *sim.Network) (sim.DialOptions, error) {
	if t.Mode != Known {
		return sim.DialOptions{}, nil
	}
	client, err := n.Dial(sim.DialOptions{})
	if err != nil {
		return sim.DialOptions{}, err
	}
	if _, err := client.SendFile(t.Size); err != nil {
		return sim.DialOptions{}, err
	}
	err = t.run(n, client, func() bool {
		return client.Delivered() && client.Session != nil && client.Token != nil
	})
	if err != nil {
		return sim.DialOptions{}, fmt.Errorf("the transfer before: %w", err)
	}
	options := remember(client)
	client.Conn.Close(n.Now(), 0, "")
	return options, n.Sleep(max(4*t.Path.RTT, time.Second))
}

// remember returns what a client keeps of a connection for the next one to the
// same server.
func remember(p *sim.Peer) sim.DialOptions {
	return sim.DialOptions{
		Session: p.Session, EarlyData: true, Token: p.Token, Path: p.Conn.PathMemory(),
	}
}

// ask lets the client ask for a file and returns the server's side as soon as
// that has understood it.
func ask(n *sim.Network, client *sim.Peer) (*sim.Peer, error) {
	if err := n.Run(time.Minute, func() bool { return client.Connected }); err != nil {
		return nil, err
	}
	if _, err := client.SendStream(100); err != nil {
		return nil, err
	}
	err := n.Run(time.Minute, func() bool {
		return client.Other != nil && client.Other.StreamsEnded() > 0
	})
	return client.Other, err
}

// received reports whether a receiver has all of a file.
func received(receiver *sim.Peer, size uint64) bool {
	if receiver == nil {
		return false
	}
	n, complete := receiver.Received(0)
	return complete && n == size
}
