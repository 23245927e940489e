package duplex

import (
	"context"
	"time"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/cli/term"
	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// kind returns in words what this side is to do: one way or both ways.
func (p *program) kind(a *arguments) string {
	if a.bothWays() {
		return p.t.bothWays
	}
	return p.t.oneWay
}

// exchange moves the files over a connection and closes it. At the server,
// offered is called when the other side has offered its file, and perhaps more
// often; at a client it is nil.
func (p *program) exchange(ctx context.Context, conn *transport.Conn, a *arguments, offered func()) (sent, received transfer.Result) {
	config := transfer.ExchangeConfig{Server: offered != nil, BothWays: a.bothWays()}
	if a.send != "" {
		config.Send = &transfer.Source{Path: a.send}
	}
	if a.receive != "" {
		config.Receive = &transfer.Destination{Path: a.receive, Overwrite: true}
	}
	b := bar{progress: term.NewProgress(p.stderr, term.Quiet), conn: conn, arguments: a}
	if p.mode == term.Bar {
		b.progress = term.NewProgress(p.stderr, term.Bar)
	}
	defer b.progress.Finish()
	config.Progress = func(u transfer.Update) {
		if offered != nil && !u.Sending {
			offered()
		}
		b.update(u)
	}
	return transfer.Exchange(ctx, conn, config)
}

// conclude says what became of each file, and returns the exit code: that of
// the first failure, if there is one.
func (p *program) conclude(a *arguments, sent, received transfer.Result) int {
	code, said := exit.Done, ""
	for _, file := range []struct {
		path   string
		format string
		result transfer.Result
	}{{a.send, p.t.sent, sent}, {a.receive, p.t.received, received}} {
		r := file.result
		switch {
		case file.path == "":
		case r.Err != nil:
			f := p.t.transferFailure(r.Err, file.path, p.kind(a))
			if code == exit.Done {
				code = f.code
			}
			if f.text != said { // what ends a connection ends both transfers
				p.say("%s", f.text)
			}
			said = f.text
		case r.Already:
			p.say(p.t.already, file.path, term.Bytes(r.Bytes), r.Root)
		default:
			p.say(file.format, file.path, term.Bytes(r.Bytes), term.Duration(r.Elapsed), term.Rate(r.Goodput()), r.Root)
		}
	}
	return code
}

// bar shows on a terminal how far the transfers have come: the older one of two
// as long as both are under way.
type bar struct {
	progress  *term.Progress
	conn      *transport.Conn
	arguments *arguments

	shown string
	began time.Time
}

// update shows one report. Package transfer makes no two calls at once.
func (b *bar) update(u transfer.Update) {
	name := "← " + b.arguments.receive
	if u.Sending {
		name = "→ " + b.arguments.send
	}
	if name != b.shown {
		b.shown, b.began = name, time.Now()
		b.progress.Start(name, u.Total)
	}
	sample := term.Sample{Bytes: u.Bytes}
	if seconds := time.Since(b.began).Seconds(); seconds > 0 {
		sample.Rate = float64(u.Bytes) * 8 / seconds
	}
	if stats := b.conn.Stats(); stats.PacketsSent > 0 {
		sample.Loss = float64(stats.PacketsLost) / float64(stats.PacketsSent)
	}
	b.progress.Update(sample)
	if u.Done {
		b.progress.Finish()
	}
}
