package chat

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/ergochat/readline"
	"golang.org/x/sys/unix"

	"example.com/uft/internal/cli/consoletest"
	"example.com/uft/internal/cli/exit"
)

// openTerminal returns both ends of a pseudo-terminal (pty(7)): what a person
// sees and types, and what a program has.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	fd := int(person.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return person, program
}

// seat is a person who sits at a terminal with the program.
type seat struct {
	*running
	terminal *os.File
}

// sit starts the program on a terminal of its own.
func sit(t *testing.T, args ...string) *seat {
	t.Helper()
	person, terminal := openTerminal(t)
	process := command(t, args...)
	process.Stdin, process.Stdout, process.Stderr = terminal, terminal, terminal
	process.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	_ = terminal.Close()
	screen := consoletest.New()
	s := &seat{terminal: person, running: &running{t: t, out: screen, err: screen, ended: make(chan struct{})}}
	go func() {
		_, _ = io.Copy(screen, person) // until the program has ended
		_ = process.Wait()
		s.code = process.ProcessState.ExitCode()
		close(s.ended)
	}()
	t.Cleanup(func() {
		_ = process.Process.Kill()
		<-s.ended
	})
	return s
}

// keys types without a line end.
func (s *seat) keys(text string) { write(s.t, s.terminal, text) }

var sequence = regexp.MustCompile(`\x1b\[([0-9;]*)([A-Za-z])`)

// render returns what a terminal of 80 columns shows, as far as the editor makes
// use of one: printable characters, carriage return, line feed, backspace, the
// column, lines up, and clearing to the end of line or screen.
func render(output string) string {
	rows, row, column := [][]rune{{}}, 0, 0
	for len(output) > 0 {
		if found := sequence.FindStringSubmatch(output); found != nil && strings.HasPrefix(output, found[0]) {
			number := 0
			_, _ = fmt.Sscan(found[1], &number)
			switch found[2] {
			case "A":
				row = max(0, row-max(1, number))
			case "G":
				column = max(1, number) - 1
			case "J", "K":
				rows[row] = rows[row][:min(column, len(rows[row]))]
				if found[2] == "J" {
					rows = rows[:row+1]
				}
			}
			output = output[len(found[0]):]
			continue
		}
		r := []rune(output)[0]
		output = output[len(string(r)):]
		switch r {
		case '\r':
			column = 0
		case '\b':
			column = max(0, column-1)
		case '\n':
			row++
		default:
			if column == 80 {
				row, column = row+1, 0
			}
			for row >= len(rows) {
				rows = append(rows, nil)
			}
			for column >= len(rows[row]) {
				rows[row] = append(rows[row], ' ')
			}
			rows[row][column] = r
			column++
		}
		for row >= len(rows) {
			rows = append(rows, nil)
		}
	}
	var b strings.Builder
	for _, r := range rows {
		b.WriteString(strings.TrimRight(string(r), " ") + "\n")
	}
	return b.String()
}

// sees waits until the screen shows what fits a regular expression.
func (s *seat) sees(expression string) {
	s.t.Helper()
	pattern := regexp.MustCompile("(?m)" + expression)
	over := false
	for {
		text, changed := s.out.Text()
		if pattern.MatchString(render(text)) {
			return
		}
		if over {
			s.t.Fatalf("ended with %d and did not show %q:\n%s", s.code, expression, render(text))
		}
		select {
		case <-changed:
		case <-s.ended:
			over = true
		}
	}
}

// TestTypedTextIsNotTorn: lines that arrive go above the line that is being
// typed, which is kept, also where it is longer than the screen is wide.
func TestTypedTextIsNotTorn(t *testing.T) {
	p := modes(t)[1]
	server, port := p.listen(t)
	person := sit(t, "127.0.0.1", port, "--tcp", "--name", "here")
	promptLine := `client@here:` + port + `\$ `
	person.sees("^" + strings.TrimSpace(promptLine))
	server.notes("joined") // a client by bare TCP is connected before the server knows of it
	person.keys("half a line")
	person.sees("^" + promptLine + "half a line$")
	server.types("one", "two", strings.Repeat("w", 100), "four")
	person.sees("^Server : one\nServer : two\nServer : w{71}\nw{29}\nServer : four\n" + promptLine + "half a line$")
	person.keys(", and the rest\r")
	server.prints(`^Client : half a line, and the rest$`)
	wide := strings.Repeat("日本", 30)
	person.keys(wide + strings.Repeat("x", 80))
	person.sees("x{40}")
	server.types("five")
	person.sees("^Server : five\n" + promptLine + "日本")
	person.keys("\r\x1b[A\x1b[A") // and back in the history
	server.prints("^Client : " + wide + "x{80}$")
	person.sees("^" + promptLine + "half a line, and the rest$")
	person.keys("!\r")
	server.prints(`^Client : half a line, and the rest!$`)
	person.keys("exit\r")
	person.ends(exit.Done)
	server.prints(`^Client : exit$`)
}

// TestBurst: many lines arrive while many keys are pressed, and neither gets
// lost nor mixed up.
func TestBurst(t *testing.T) {
	p := modes(t)[1]
	server, port := p.listen(t)
	person := sit(t, "127.0.0.1", port, "--tcp", "--name", "here")
	person.sees(`^client@here`)
	server.notes("joined")
	const count = 200
	go func() {
		for i := range count {
			_, _ = fmt.Fprintf(server.keyboard, "arrives %d\n", i)
		}
	}()
	for i := range count {
		person.keys(fmt.Sprintf("typed %d\r", i))
	}
	server.prints(fmt.Sprintf("^Client : typed %d$", count-1))
	person.sees(fmt.Sprintf("^Server : arrives %d$", count-1))
	person.sees(fmt.Sprintf(`^client@here:%s\$ typed %d$`, port, count-1))
	text, _ := person.out.Text()
	for line := range strings.Lines(render(text)) {
		for _, word := range []string{"Server : ", "client@here:"} {
			if strings.LastIndex(line, word) > 0 {
				t.Errorf("torn: %q", line)
			}
		}
	}
	for i := range count {
		if !strings.Contains(server.out.String(), fmt.Sprintf("Client : typed %d\n", i)) {
			t.Errorf("line %d has not arrived", i)
		}
	}
	// Where the tests run with the race detector, so does the program, and ends
	// with another code if it has found anything.
	person.keys("exit\r")
	person.ends(exit.Done)
}

// TestKeysThatEnd: Ctrl-D and Ctrl-C, at both sides, and the screen is left tidy.
func TestKeysThatEnd(t *testing.T) {
	p := modes(t)[2]
	server := sit(t, "--listen", "0", "--udp", "--name", "there")
	port := server.prints(`listening on \S+:(\d+)\b`)
	client := sit(t, append([]string{"127.0.0.1", port, "--name", "here"}, p.client...)...)
	client.sees(`^client@here`)
	client.keys("hello\r")
	server.sees(`^Client : hello\nserver@there:` + port + `\$$`)
	client.keys("\x04")
	client.ends(exit.Done)
	again := sit(t, append([]string{"127.0.0.1", port, "--name", "here"}, p.client...)...)
	again.sees(`^client@here`)
	again.keys("typed in vain\x03")
	again.ends(exit.Interrupted)
	if text, _ := server.out.Text(); strings.Count(render(text), "Client") != 2 { // joined, and hello
		t.Errorf("the server knows more than it was told:\n%s", render(text))
	}
	server.keys("\x04")
	server.ends(exit.Done)
}

// TestPastedLine: what is too long for the editor arrives all the same.
func TestPastedLine(t *testing.T) {
	p := modes(t)[1]
	server, port := p.listen(t)
	person := sit(t, "127.0.0.1", port, "--tcp", "--name", "here")
	person.sees(`^client@here`)
	long := strings.Repeat("0123456789", 10_000)
	person.keys(long + "é\x7f\r" + "next\r")
	server.prints(`^Client : next$`)
	if got, want := server.out.String(), "Client : "+long+"\nClient : next\n"; got != want {
		t.Errorf("the server got %d bytes, not %d", len(got), len(want))
	}
	person.sees(`4\.0 KiB can be edited: the 93\.7 KiB beyond go with them unseen`)
}

// TestTerminalGivenBack: after the end the terminal is as it was.
func TestTerminalGivenBack(t *testing.T) {
	person, terminal := openTerminal(t)
	defer terminal.Close()
	p := modes(t)[1]
	server, port := p.listen(t)
	before, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	process := command(t, "127.0.0.1", port, "--tcp", "--name", "here")
	process.Stdin, process.Stdout, process.Stderr = terminal, terminal, terminal
	screen := consoletest.New()
	go func() { _, _ = io.Copy(screen, person) }()
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	(&running{t: t, out: screen, err: screen, ended: make(chan struct{})}).prints(`client@here`)
	write(t, person, "half")
	(&running{t: t, out: screen, err: screen, ended: make(chan struct{})}).prints(`half`)
	server.notes("joined")
	server.types("exit")
	if err := process.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
	after, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil || *after != *before {
		t.Errorf("the terminal was %+v and is %+v, %v", before, after, err)
	}
}

// TestRawBetweenLines: when a line has ended the terminal does not begin to show
// keys and to wait for line ends, which it does for whoever suspends the program.
func TestRawBetweenLines(t *testing.T) {
	person, terminal := openTerminal(t)
	defer terminal.Close()
	fd := int(terminal.Fd())
	state := func() *unix.Termios {
		t.Helper()
		s, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	isRaw := func(when string, want bool) {
		t.Helper()
		if got := state().Lflag&(unix.ECHO|unix.ICANON) == 0; got != want {
			t.Errorf("%s: raw %v", when, got)
		}
	}
	before := state()
	go func() { _, _ = io.Copy(io.Discard, person) }()
	e, err := newEditor("> ", terminal, terminal)
	if err != nil {
		t.Fatal(err)
	}
	write(t, person, "one\rtwo\r")
	for _, want := range []string{"one", "two"} {
		if got := e.next(); string(got.line) != want || got.err != nil {
			t.Errorf("typed %q, got %q, %v", want, got.line, got.err)
		}
		isRaw("after "+want, true)
	}
	e.filter(readline.CharCtrlZ)
	_ = e.library.GetConfig().FuncExitRaw()
	isRaw("suspended", false)
	_ = e.library.GetConfig().FuncMakeRaw()
	isRaw("resumed", true)
	e.release()
	e.close()
	e.leave()
	if after := state(); *after != *before {
		t.Errorf("the terminal was %+v and is %+v", before, after)
	}
}
