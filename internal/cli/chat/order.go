package chat

import (
	"bytes"
	"fmt"
	"strings"

	"example.com/uft/internal/cli/term"
)

// A verb is what a typed line asks for.
type verb int

const (
	say  verb = iota // the message is text
	end              // of the program; text is what was typed
	who              // list the clients
	to               // the message for one client
	help             // list the commands
	nope             // nothing: text says what is wrong with it
)

// An order is a typed line, understood.
type order struct {
	verb verb
	name string // of a client, with to
	text []byte
}

// understand reads a typed line. Who there is to talk to, and so some commands,
// only a server knows.
func understand(line []byte, server bool) order {
	switch {
	case len(line) > maxMessage:
		return complaint("a message of more than %s is not sent", term.Bytes(maxMessage))
	case string(line) == "exit":
		return order{verb: end, text: line}
	case bytes.HasPrefix(line, []byte("//")):
		return order{verb: say, text: line[1:]}
	case !bytes.HasPrefix(line, []byte("/")):
		return order{verb: say, text: line}
	}
	command, rest, hasRest := strings.Cut(string(line), " ")
	switch {
	case command == "/help":
		return order{verb: help}
	case command == "/who" && server:
		return order{verb: who}
	case command == "/to" && server:
		name, text, hasText := strings.Cut(rest, " ")
		if !hasRest || !hasText || name == "" {
			return complaint("write /to NAME text; /who lists the names")
		}
		return order{verb: to, name: name, text: []byte(text)}
	case command == "/who" || command == "/to":
		return complaint("%s is a command of the server", command)
	}
	return complaint("there is no command %s; /help lists them, and //text sends text that begins with /", command)
}

func complaint(format string, args ...any) order {
	return order{verb: nope, text: fmt.Appendf(nil, format, args...)}
}

// commands is what /help lists.
func commands(server bool) string {
	if server {
		return "  text            to all clients\n" +
			"  /to NAME text   to one client\n" +
			"  /who            list the clients\n" +
			"  //text          a message that begins with /\n" +
			"  exit, Ctrl-D    end the server\n"
	}
	return "  text     to the server\n" +
		"  //text   a message that begins with /\n" +
		"  exit     say exit to the server, and end\n" +
		"  Ctrl-D   end\n"
}
