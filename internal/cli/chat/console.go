package chat

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"example.com/uft/internal/cli/exit"
	"example.com/uft/internal/cli/term"
)

// An input is what the user does: a line, or the end of the lines.
type input struct {
	line []byte
	err  error // io.EOF: Ctrl-D or the end of the input; errInterrupted: Ctrl-C
	// unseen is how many bytes at the end of the line the editor has not shown.
	unseen int
}

// A console is what the user sees and types. With a terminal it has a prompt
// and a line editor, and what is printed goes above the line that is being
// typed. Without one it is three streams: messages go to standard output,
// notices to standard error.
type console struct {
	in       io.Reader
	out, err io.Writer
	inputs   chan input
	closed   chan struct{}
	reading  sync.WaitGroup

	mu     sync.Mutex
	editor *editor // nil without a terminal, and before start
}

func newConsole(in io.Reader, out, err io.Writer) *console {
	return &console{in: in, out: out, err: err, inputs: make(chan input), closed: make(chan struct{})}
}

// interactive reports whether somebody sits there and types.
func (c *console) interactive() bool {
	in, ok := c.in.(*os.File)
	return ok && term.IsTerminal(in)
}

// start begins to read, with a prompt where there is a terminal that can redraw
// a line.
func (c *console) start(prompt string) {
	in, isFile := c.in.(*os.File)
	if isFile && term.IsTerminal(in) && term.IsTerminal(c.out) && os.Getenv("TERM") != "dumb" && c.edit(prompt, in) {
		return
	}
	if c.in == nil {
		go c.hand(input{err: io.EOF})
		return
	}
	// A read of standard input cannot be ended, so nobody waits for this.
	go c.read(c.lines())
}

// edit begins to read with a line editor, if the terminal allows it. From the
// moment that the terminal is taken over, all that is printed goes by the editor.
func (c *console) edit(prompt string, in *os.File) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, err := newEditor(prompt, in, c.out)
	if err != nil {
		return false
	}
	c.editor = e
	c.reading.Go(func() { c.read(e.next) })
	return true
}

// read hands on what the user types.
func (c *console) read(next func() input) {
	for {
		in := next()
		if !c.hand(in) || in.err != nil {
			return
		}
	}
}

// hand waits until an input is taken. It returns false when nobody will.
func (c *console) hand(in input) bool {
	select {
	case <-c.closed:
		return false
	default:
	}
	select {
	case c.inputs <- in:
		return true
	case <-c.closed:
		return false
	}
}

// remark tells the user what was not to be seen of an input. It is for who takes
// the input: the goroutine that reads must not print, since close waits for it.
func (c *console) remark(in input) {
	if in.unseen > 0 {
		c.note("%s can be edited: the %s beyond go with them unseen", term.Bytes(maxEdited), term.Bytes(int64(in.unseen)))
	}
}

// lines returns a function that reads the next line without an editor. Lines
// that are too long for any message are left out.
func (c *console) lines() func() input {
	r := newLineReader(c.in)
	return func() input {
		line, whole, err := r.next()
		for err == nil && !whole {
			for err == nil && !whole {
				_, whole, err = r.next()
			}
			c.note("a line of more than %s is not sent", term.Bytes(maxMessage))
			if err == nil {
				line, whole, err = r.next()
			}
		}
		if err != nil {
			return input{err: io.EOF} // whatever ended it
		}
		return input{line: line}
	}
}

// print shows whole lines of the conversation.
func (c *console) print(lines string) { c.write(c.out, lines) }

// note says one line to the user that is no part of the conversation. What
// peers chose in it is made harmless.
func (c *console) note(format string, args ...any) {
	c.write(c.err, "chat: "+term.EscapePath(fmt.Sprintf(format, args...))+"\n")
}

// table shows lines that the user asked for.
func (c *console) table(lines string) { c.write(c.err, lines) }

// complain says why the program ends. An identity that changed is made loud
// where the terminal can be.
func (c *console) complain(err error) {
	text := "chat: " + term.EscapePath(err.Error())
	if code(err) == exit.Identity {
		text = term.StyleFor(c.err, os.Getenv).Alarm(text)
	}
	c.write(c.err, text+"\n")
}

// write writes whole lines, above what is being typed where they go to the
// terminal.
func (c *console) write(w io.Writer, lines string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.editor != nil && (w == c.out || term.IsTerminal(w)) {
		c.editor.print(lines)
		return
	}
	_, _ = io.WriteString(w, lines) // there is nowhere to say that this failed
}

// close gives the terminal back. What is printed afterwards goes to it as it is.
func (c *console) close() {
	close(c.closed)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.editor != nil {
		c.editor.close()
		c.reading.Wait()
		c.editor.leave()
		c.editor = nil
	}
}

var errInterrupted = errors.New("interrupted")
