package uft

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/uft/internal/cli/term"
	"example.com/uft/internal/cli/trust"
	"example.com/uft/internal/doctor"
	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// conversation is a connection to the server of a command, with what the terminal
// shows of it.
type conversation struct {
	conn     *transport.Conn
	files    *transfer.Client
	command  Command
	std      stdio
	mode     term.Mode
	progress *term.Progress

	mu    sync.Mutex
	shown string // name of the transfer on the screen
	last  sample

	fallback bool // it was said that TCP takes the connection

	lost int // files that came to nothing with the connection
}

// sample is a reading of a transfer, for the rate between two of them.
type sample struct {
	at    time.Time
	bytes int64
	rate  float64
}

// dial connects to the server, checks who it is, and begins to talk to it.
func dial(ctx context.Context, c Command, std stdio) (*conversation, error) {
	trusted, err := trust.NewServer(c.Host, c.Port, c.Fingerprint, c.KnownHosts)
	if err != nil {
		return nil, err
	}
	config := transport.Config{
		Trace:              std.trace,
		OnRateHalved:       std.rateHalved,
		OnBlockSizeRefused: std.blockSizeRefused(c.Quiet),
		VerifyServer:       trusted.Verify,
		HandshakeTimeout:   c.Timeout,
		IdleTimeout:        c.IdleTimeout,
		BlockSize:          c.BlockSize,
		Carrier:            c.Carrier,
	}
	if c.Action == Send {
		config.FixedRate, config.Background = c.Bitrate, c.Background
	}
	if store := newSessions(trusted); store != nil {
		config.Session = store
	}
	simulateLoss(&config, c, std)
	begin := time.Now()
	conn, err := transport.Dial(ctx, net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))), &config)
	if err != nil {
		return nil, dialError(c, err)
	}
	if message := trusted.Remember(); message != "" && !c.Quiet {
		std.say("%s", message)
	}
	files, err := transfer.NewClient(ctx, conn)
	if err != nil {
		_ = conn.Close()
		if neverConnected(err) {
			err = dialError(c, err)
		}
		return nil, err
	}
	cl := &conversation{conn: conn, files: files, command: c, std: std, mode: term.ModeFor(std.err, c.Quiet, os.Getenv)}
	cl.progress = term.NewProgress(std.err, cl.mode)
	cl.noticeCarrier(conn.Carrier())
	if c.Verbose {
		how := "handshake complete"
		if conn.EarlyData() {
			how = "0-RTT with a remembered session"
		}
		std.say("connected to %v from %v over %s, %s after %s", conn.RemoteAddr(), conn.LocalAddr(),
			strings.ToUpper(conn.Carrier().String()), how, term.Duration(time.Since(begin)))
	}
	return cl, nil
}

// close ends the connection, and says how it went to who wants to know.
func (cl *conversation) close() {
	_ = cl.files.Close()
	cl.noticeCarrier(cl.conn.Carrier())
	switch more := cl.lost - 1; {
	case more == 1:
		cl.std.say("one more file came to nothing for the same reason")
	case more > 1:
		cl.std.say("%d more files came to nothing for the same reason", more)
	}
	s := cl.conn.Stats()
	if advice := doctor.BufferAdvice(s.ReceiveBufferSize, s.SocketDrops); advice != "" && !cl.command.Quiet {
		cl.std.say("%s", advice)
	}
	if !cl.command.Verbose {
		return
	}
	cl.std.say("packets: %d sent, %d lost, %d only late, %d received twice; dropped here on purpose: %d; by this machine: %d",
		s.PacketsSent, s.PacketsLost, s.PacketsSpurious, s.Duplicates, s.SimulatedLoss, s.SocketDrops+s.QueueDrops)
	rate := "sending rate left to TCP"
	if s.PacingRate > 0 {
		rate = fmt.Sprintf("sending rate %s by %s", term.Rate(float64(s.PacingRate)*8), s.Controller)
	}
	cl.std.say("round trip %s (least %s); %s", term.Duration(s.SmoothedRTT), term.Duration(s.MinRTT), rate)
	if cl.command.Action == Send && cl.command.BlockSize != 0 {
		cl.std.say("blocks of %d bytes", s.BlockSize)
	}
}

// noticeCarrier says once that the connection goes over TCP where the user did not
// ask for that. With a remembered session it is known only some time after Dial
// has returned, so this is called again and again.
func (cl *conversation) noticeCarrier(carrier transport.Carrier) {
	if cl.fallback || cl.command.Carrier != transport.AnyCarrier || carrier != transport.TCP {
		return
	}
	cl.fallback = true
	if !cl.command.Quiet {
		stdio{err: cl.progress}.say("UDP gets no answer from %s port %d: going over TCP", cl.command.Host, cl.command.Port)
	}
}

// update shows how far a transfer is. Package transfer calls it every 100 ms.
func (cl *conversation) update(u transfer.Update) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.noticeCarrier(cl.conn.Carrier())
	if !u.Sending && u.Total < 0 {
		return // the server has not said yet that there is such a file
	}
	if u.Name != cl.shown {
		cl.progress.Start(u.Name, u.Total)
		cl.shown, cl.last = u.Name, sample{at: time.Now(), bytes: u.Bytes}
	}
	now := time.Now()
	if elapsed := now.Sub(cl.last.at); elapsed >= time.Second/2 {
		cl.last.rate = float64(u.Bytes-cl.last.bytes) * 8 / elapsed.Seconds()
		cl.last.at, cl.last.bytes = now, u.Bytes
	}
	s := cl.conn.Stats()
	shown := term.Sample{Bytes: u.Bytes, Rate: cl.last.rate, Loss: -1}
	if u.Sending {
		shown.Loss = float64(s.PacketsLost) / float64(max(1, s.PacketsSent))
	}
	cl.progress.Update(shown)
	if u.Done {
		cl.progress.Finish()
		cl.shown = ""
	}
}

// finish reports what became of one file.
func (cl *conversation) finish(verb string, r *transfer.Result) {
	cl.progress.Finish()
	if cl.command.JSON {
		printAccount(cl.std.out, verb, cl.command.mode(), r)
	}
	if r.Err != nil {
		cl.complain(r.Err)
		return
	}
	summary(verb, r).Print(cl.std.err, cl.mode)
	if details := limitDetails(&r.Limit); cl.command.Verbose && details != "" {
		cl.std.say("%s", details)
	}
}

// complain reports why a file came to nothing. What ended the connection ended
// all files that were under way, and is reported for the first of them alone.
func (cl *conversation) complain(err error) {
	switch transfer.KindOf(err) {
	case transfer.KindConnection, transfer.KindIdentity, transfer.KindInterrupted:
		if cl.lost++; cl.lost > 1 {
			return
		}
	}
	if neverConnected(err) {
		err = dialError(cl.command, err)
	}
	cl.std.report(explain(err, cl.command.Action, "the server"))
}

// Verbs of the summaries.
const (
	sent     = "sent"
	received = "received"
)

// summary is the account of a finished transfer. Only who sends knows what was
// lost. Who receives begins to count with the offer, and of a small file the
// bytes may have been there before it: that would be no rate.
func summary(verb string, r *transfer.Result) term.Summary {
	s := term.Summary{
		Verb: verb, Name: r.Name, Bytes: r.Bytes, Elapsed: r.Elapsed,
		GoodputBits: r.Goodput(), GrossBits: r.GrossRate(),
		Loss: r.Loss, Retransmitted: r.Repeated, Hash: r.Root, AlreadyThere: r.Already, Limit: limitPhrase(r),
	}
	if verb == received {
		s.Loss, s.Retransmitted = -1, -1
		if s.GrossBits < s.GoodputBits {
			s.GrossBits = 0
		}
	}
	return s
}

// simulateLoss sets up `-l`, and says the seed by which it can be repeated.
func simulateLoss(config *transport.Config, c Command, std stdio) {
	config.Loss, config.Seed = c.Loss, c.Seed
	if c.Loss == 0 {
		return
	}
	if !c.Seeded {
		config.Seed = rand.Uint64() >> 1
	}
	if !c.Quiet {
		std.say("dropping %s of all datagrams sent, seed %d", term.Percent(c.Loss), config.Seed)
	}
}

// rateHalved tells that the circuit breaker has acted (docs/protocol.md §8.3).
func (s stdio) rateHalved(bitsPerSecond int64) {
	s.say("the path delivers less than a tenth of the rate asked for: going on at %s", term.Rate(float64(bitsPerSecond)))
}

// blockSizeRefused returns what tells that the path does not carry what
// --block-size asks for (docs/protocol.md §8.6), nil for who wants to hear of
// errors only.
func (s stdio) blockSizeRefused(quiet bool) func(bytes int) {
	if quiet {
		return nil
	}
	return func(bytes int) {
		s.say("datagrams with blocks of %d bytes do not get through: going on with %d", bytes, transport.SmallestBlockSize)
	}
}

// say writes one line to the user.
func (s stdio) say(format string, args ...any) {
	fmt.Fprintf(s.err, "uft: "+format+"\n", args...)
}
