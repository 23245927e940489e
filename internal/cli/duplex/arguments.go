package duplex

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"example.com/uft/transport"
)

// arguments is a command line, understood. What was not given is empty.
type arguments struct {
	help bool

	send    string // the file to be sent; empty at a one-way server
	receive string // the file to be written; empty at a one-way client

	host      string // of the server, at a client
	port      uint16 // of the server; 0, at a server only, is any free one
	localPort uint16 // to send from, at a client; 0 is any free one

	trace string // the file that a trace is written to; empty is none

	carrier transport.Carrier // what the user wants the datagrams to travel by
}

// bothWays reports whether files go both ways.
func (a *arguments) bothWays() bool { return a.send != "" && a.receive != "" }

// parseServer reads the arguments of serveur. Its errors are whole sentences in
// the language of t.
func parseServer(words []string, t *texts) (arguments, error) {
	if asksForHelp(words) {
		return arguments{help: true}, nil
	}
	p := parser{t: t}
	words = p.options(words)
	switch len(words) {
	case 2:
		p.receive(words[0])
		p.serverPort(words[1], 0)
	case 3:
		p.send(words[0])
		p.receive(words[1])
		p.serverPort(words[2], 0)
	default:
		p.wrongNumber(words, t.serverForms)
	}
	return p.result, p.err
}

// parseClient does the same for client.
func parseClient(words []string, t *texts) (arguments, error) {
	if asksForHelp(words) {
		return arguments{help: true}, nil
	}
	p := parser{t: t}
	words = p.options(words)
	switch len(words) {
	case 3:
		p.send(words[0])
		p.host(words[1], words[2])
	case 4, 5:
		p.send(words[0])
		p.receive(words[1])
		p.host(words[2], words[3])
		if len(words) == 5 {
			p.result.localPort = p.port(words[4], 0)
		}
	default:
		p.wrongNumber(words, t.clientForms)
	}
	return p.result, p.err
}

// asksForHelp reports whether the option for help is among the words.
func asksForHelp(words []string) bool {
	return slices.Contains(words, "-h") || slices.Contains(words, "--help")
}

// parser reads one argument after the other and keeps the first error.
type parser struct {
	t      *texts
	result arguments
	err    error
}

func (p *parser) fail(format string, values ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, values...)
	}
}

// options takes the options out of the words and returns the others. It fails
// for the first that it does not know: users of the sister programs may write
// one, and must not find a file of that name later, nor be told of a wrong number
// alone.
func (p *parser) options(words []string) (others []string) {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch value, isTrace := strings.CutPrefix(word, "--trace="); {
		case isTrace:
			p.result.trace = p.file(value)
		case word == "--trace" && len(words) == 0:
			p.fail(p.t.noValue, word)
		case word == "--trace":
			p.result.trace = p.file(words[0])
			words = words[1:]
		case word == "--tcp":
			p.carrier(transport.TCP)
		case word == "--udp":
			p.carrier(transport.UDP)
		case strings.HasPrefix(word, "-"):
			p.fail(p.t.option, word)
		default:
			others = append(others, word)
		}
	}
	return others
}

func (p *parser) carrier(c transport.Carrier) {
	if p.result.carrier != transport.AnyCarrier && p.result.carrier != c {
		p.fail("%s", p.t.bothCarriers)
	}
	p.result.carrier = c
}

// wrongNumber says what would be right.
func (p *parser) wrongNumber(words []string, forms string) {
	if len(words) == 0 {
		p.fail(p.t.noArguments, forms)
	}
	p.fail(p.t.wrongNumber, len(words), forms)
}

func (p *parser) send(word string)    { p.result.send = p.file(word) }
func (p *parser) receive(word string) { p.result.receive = p.file(word) }

func (p *parser) file(word string) string {
	if word == "" || strings.ContainsRune(word, 0) {
		p.fail(p.t.badFile, word)
	}
	return word
}

func (p *parser) serverPort(word string, lowest uint16) { p.result.port = p.port(word, lowest) }

func (p *parser) port(word string, lowest uint16) uint16 {
	port, err := parsePort(word)
	if err != nil || port < lowest {
		p.fail(p.t.badPort, word, lowest)
	}
	return port
}

func parsePort(word string) (uint16, error) {
	port, err := strconv.ParseUint(word, 10, 16)
	return uint16(port), err
}

// host reads the name or the address of the server, and its port.
func (p *parser) host(word, port string) {
	host, err := parseHost(word)
	if err != nil {
		if name, number, err := net.SplitHostPort(word); err == nil && name != "" {
			if _, err := parsePort(number); err == nil {
				p.fail(p.t.hostAndPort, word, name, number)
			}
		}
		p.fail(p.t.badHost, word)
	}
	p.result.host = host
	p.serverPort(port, 1)
}

// parseHost returns a host as it is dialled: an IPv6 address loses its brackets.
func parseHost(word string) (string, error) {
	if inner, bracketed := strings.CutPrefix(word, "["); bracketed {
		inner, closed := strings.CutSuffix(inner, "]")
		if address, err := netip.ParseAddr(inner); !closed || err != nil || !address.Is6() {
			return "", errors.New("brackets around no IPv6 address")
		}
		return inner, nil
	}
	if _, err := netip.ParseAddr(word); err == nil {
		return word, nil
	}
	strange := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("-._", r)
	}
	if word == "" || len(word) > 254 || strings.ContainsFunc(word, strange) { // RFC 1035 §2.3.4, and a final dot
		return "", errors.New("no host name")
	}
	return word, nil
}
