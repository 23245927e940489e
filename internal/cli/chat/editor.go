package chat

import (
	"errors"
	"io"
	"os"
	"sync"

	"github.com/ergochat/readline"
	"golang.org/x/term"
)

// An editor is the line that is being typed, with its prompt and the history of
// lines typed before, which is kept in memory only.
//
// The library redraws the line after what is printed above it. It guards its
// state only in part, though: a line printed while a key is being dealt with
// can tear what is typed. So every key is dealt with under a mutex, from the
// library's first call about it (filter) to its last (listen) or to the end of
// the line.
type editor struct {
	library *readline.Instance
	out     io.Writer

	screen *screen
	raw    *rawMode

	keys    sync.Mutex
	holding bool // of the goroutine that reads: it has locked keys
}

// newEditor takes over the terminal.
func newEditor(prompt string, in *os.File, out io.Writer) (*editor, error) {
	screen := &screen{in: in, out: out}
	e := &editor{out: out, screen: screen, raw: &rawMode{fd: int(in.Fd())}}
	if err := e.raw.enter(); err != nil {
		return nil, err
	}
	config := &readline.Config{
		Prompt: prompt,
		Stdin:  screen, Stdout: screen, Stderr: screen,
		InterruptPrompt: "^C", EOFPrompt: "\n", // that is: nothing
		FuncFilterInputRune: e.filter,
		Listener:            e.listen,
		FuncGetSize:         func() (int, int) { return size(in) },
		FuncMakeRaw:         e.raw.enter,
		FuncExitRaw:         e.raw.pause,
	}
	var err error
	if e.library, err = readline.NewFromConfig(config); err != nil {
		_ = e.raw.leave()
		return nil, err
	}
	return e, nil
}

// size returns the width and height of a terminal. Some do not know theirs.
func size(terminal *os.File) (width, height int) {
	width, height, err := term.GetSize(int(terminal.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// filter is called with every key before it is dealt with.
func (e *editor) filter(key rune) (rune, bool) {
	e.keys.Lock()
	e.holding = true
	e.raw.suspending = key == readline.CharCtrlZ
	return key, true
}

// listen is called after every key but those that end the line, and before the
// first one.
func (e *editor) listen([]rune, int, rune) ([]rune, int, bool) {
	e.release()
	return nil, 0, false
}

func (e *editor) release() {
	if e.holding {
		e.holding = false
		e.keys.Unlock()
	}
}

// next waits for a line.
func (e *editor) next() input {
	line, err := e.library.ReadLine()
	e.release()
	switch {
	case errors.Is(err, readline.ErrInterrupt):
		return input{err: errInterrupted}
	case err != nil:
		return input{err: io.EOF}
	}
	unseen := e.screen.unseen()
	return input{line: append([]byte(line), unseen...), unseen: len(unseen)}
}

// print prints whole lines above the one that is being typed.
func (e *editor) print(lines string) {
	e.keys.Lock()
	defer e.keys.Unlock()
	_, _ = io.WriteString(e.library, lines)
}

// close ends next.
func (e *editor) close() { _ = e.library.Close() }

// leave takes the prompt away that nobody answers any more and gives the
// terminal back. It is called when next has ended.
func (e *editor) leave() {
	_, _ = io.WriteString(e.out, "\r\x1b[J")
	_ = e.raw.leave()
}
