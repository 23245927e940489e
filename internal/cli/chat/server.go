package chat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"text/tabwriter"

	"example.com/uft/internal/cli/term"
)

// A door is where the clients of one mode come in.
type door interface {
	// address is where it is.
	address() net.Addr
	// serve lets clients into the room until ctx ends. It returns when the
	// last of them has been told, where the mode can tell them.
	serve(ctx context.Context, r *room) error
}

// openDoor opens the door of a command's mode.
func openDoor(c *Command, console *console) (door, error) {
	switch c.Mode {
	case TCP:
		return openTCP(c, console)
	case UDP:
		return openUDP(c, console)
	default:
		return openOwn(c, console)
	}
}

// where is the address that a server listens on.
func where(c *Command) string { return net.JoinHostPort("", strconv.Itoa(int(c.Port))) }

// portOf returns the port of an address.
func portOf(address net.Addr) uint16 {
	switch a := address.(type) {
	case *net.UDPAddr:
		return a.AddrPort().Port()
	case *net.TCPAddr:
		return a.AddrPort().Port()
	}
	return 0
}

// runServer is a server until the user ends it, which is no failure.
func runServer(ctx context.Context, c *Command, console *console) error {
	d, err := openDoor(c, console)
	if err != nil {
		return err
	}
	if c.Mode != Own {
		console.note("%v", bareWarning(c.Mode))
	}
	r := newRoom(c, console)
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan struct{})
	go func() {
		err = d.serve(ctx, r)
		close(served)
	}()
	console.start(prompt("server", c, portOf(d.address())))
	s := server{room: r, console: console}
	s.converse(ctx, served)
	cancel()
	<-served
	return err
}

// bareWarning is what the user of a bare mode has to know.
func bareWarning(m Mode) string {
	return fmt.Sprintf("warning: --%v is neither encrypted nor authenticated", m)
}

// server is what the user of a server does.
type server struct {
	room    *room
	console *console
}

// converse obeys the user until the end, or until the door has failed.
func (s *server) converse(ctx context.Context, served <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-served:
			return
		case in := <-s.console.inputs:
			switch {
			case in.err == nil:
				s.console.remark(in)
				if !s.obey(understand(in.line, true)) {
					return
				}
			case errors.Is(in.err, io.EOF) && !s.console.interactive():
				// Nobody is there to write, and the server goes on.
			default:
				return
			}
		}
	}
}

// obey does what was typed. It returns false when that was to end.
func (s *server) obey(o order) bool {
	switch o.verb {
	case say:
		s.room.say(o.text)
	case to:
		if m := s.room.find(o.name); m != nil {
			s.room.tell(m, o.text)
		} else {
			s.console.note("there is no %s; /who lists who is there", o.name)
		}
	case who:
		s.console.table(s.list())
	case help:
		s.console.table(commands(true))
	case nope:
		s.console.note("%s", o.text)
	case end:
		return false
	}
	return true
}

// list is the table of /who.
func (s *server) list() string {
	members := s.room.list()
	if len(members) == 0 {
		return "  nobody is there\n"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  NAME\tMODE\tADDRESS\tRTT\tLAST HEARD")
	for _, m := range members {
		rtt := "-"
		if d, known := m.roundTrip(); known {
			rtt = term.Duration(d)
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s ago\n", m.name(), m.mode(), m.address(), rtt, term.Duration(s.room.lastHeard(m)))
	}
	_ = w.Flush() // to memory
	return b.String()
}
