package identity

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// KnownHosts is a client's list of servers: a text file with one line per pin,
//
//	[host]:port SHA256:…
//
// in which empty lines and lines starting with # are skipped. A server with
// several lines is known by each of their keys, so a new key can be announced
// by adding a line. The file is read anew at every call: several clients may
// use it at once, and a user may edit it meanwhile.
type KnownHosts struct {
	path string
}

// NewKnownHosts returns the list kept at path. The file need not exist.
func NewKnownHosts(path string) *KnownHosts { return &KnownHosts{path: path} }

// Status is what a list of known servers says about a fingerprint.
type Status int

// The three answers of Check.
const (
	New     Status = iota // the list has no line for this host and port
	Match                 // the list has this fingerprint for it
	Changed               // the list has only other fingerprints for it
)

// Result is the answer of Check.
type Result struct {
	Status Status
	// Change describes what differs when Status is Changed, and is nil
	// otherwise.
	Change *ChangedError
}

// ChangedError says that a server presented another key than the one pinned
// for it or asked for: either the server has a new key, or something stands in
// between.
type ChangedError struct {
	Host      string // canonical [host]:port
	Old       string // the fingerprint asked for, or else of the last pin for Host
	Presented string // the fingerprint presented now
	Path      string // the list of Old, empty where Old was asked for
	Line      int    // the line of Old, counted from 1
}

// Error describes both fingerprints and what to do.
func (e *ChangedError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("THE SERVER %s IS NOT THE ONE ASKED FOR: asked for was %s, presented was %s; "+
			"the fingerprint is mistaken or out of date, or somebody stands in between",
			e.Host, e.Old, e.Presented)
	}
	return fmt.Sprintf("THE IDENTITY OF %s HAS CHANGED: known is %s, presented was %s; "+
		"the server has a new key or somebody stands in between; "+
		"if you know that the key is new, remove line %d of %s",
		e.Host, e.Old, e.Presented, e.Line, e.Path)
}

// Expect returns a *ChangedError unless the server hostport presented exactly
// the fingerprint that the user asked for. No list takes part.
func Expect(hostport, want, presented string) error {
	if want == presented {
		return nil
	}
	host, err := canonical(hostport)
	if err != nil {
		host = hostport
	}
	return &ChangedError{Host: host, Old: want, Presented: presented}
}

// pin is one line of the list.
type pin struct {
	host        string
	fingerprint string
	line        int
}

// HostPort returns the canonical name of a server in the list, [host]:port:
// lower case without a final dot, an IP address in its shortest form. host may
// stand in brackets.
func HostPort(host string, port uint16) string {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if addr, err := netip.ParseAddr(host); err == nil {
		host = addr.Unmap().String()
	} else {
		host = strings.ToLower(strings.TrimSuffix(host, "."))
	}
	return "[" + host + "]:" + strconv.Itoa(int(port))
}

// canonical turns host:port or [host]:port into its canonical form.
func canonical(hostport string) (string, error) {
	host, portText, err := net.SplitHostPort(hostport)
	if err != nil {
		return "", fmt.Errorf("%q is not [host]:port", hostport)
	}
	if host == "" || strings.ContainsAny(host, " \t\r\n#") {
		return "", fmt.Errorf("%q names no host", hostport)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 {
		return "", fmt.Errorf("%q has no port from 1 to 65535", hostport)
	}
	return HostPort(host, uint16(port)), nil
}

// Lookup returns the fingerprint of the last line for hostport; ok is false
// when there is none. A malformed line anywhere is an error that names it: it
// might be the very pin that is asked for. The error wraps ErrNotStored when
// there can be no list, because its folder cannot be entered.
func (k *KnownHosts) Lookup(hostport string) (fingerprint string, ok bool, err error) {
	pins, err := k.find(hostport)
	if err != nil || len(pins) == 0 {
		return "", false, err
	}
	return pins[len(pins)-1].fingerprint, true, nil
}

// Check compares the fingerprint that hostport presented with its pins.
func (k *KnownHosts) Check(hostport, presented string) (Result, error) {
	pins, err := k.find(hostport)
	if err != nil {
		return Result{}, err
	}
	if len(pins) == 0 {
		return Result{Status: New}, nil
	}
	for _, p := range pins {
		if p.fingerprint == presented {
			return Result{Status: Match}, nil
		}
	}
	last := pins[len(pins)-1]
	return Result{Status: Changed, Change: &ChangedError{
		Host: last.host, Old: last.fingerprint, Presented: presented, Path: k.path, Line: last.line,
	}}, nil
}

// Add pins fingerprint for hostport with one more line. The line is appended
// by a single write, so that clients pinning at the same time do not disturb
// each other; the file and its folder are created, for their owner alone. An
// error wraps ErrNotStored when the file cannot be written.
func (k *KnownHosts) Add(hostport, fingerprint string) error {
	host, err := canonical(hostport)
	if err != nil {
		return fmt.Errorf("identity: known server: %w", err)
	}
	fingerprint, err = ParseFingerprint(fingerprint)
	if err != nil {
		return fmt.Errorf("identity: known server %s: %w", host, err)
	}
	if err := k.appendLine(host + " " + fingerprint + "\n"); err != nil {
		return fmt.Errorf("identity: the fingerprint of %s %w: %w", host, ErrNotStored, err)
	}
	return nil
}

// appendLine appends line, after a line break where an editor left none at the
// end of the file.
func (k *KnownHosts) appendLine(line string) error {
	if err := os.MkdirAll(filepath.Dir(k.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(k.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if open, err := endsWithinLine(f); err != nil {
		return errors.Join(err, f.Close())
	} else if open {
		line = "\n" + line
	}
	_, err = f.WriteString(line)
	return errors.Join(err, f.Close())
}

// endsWithinLine reports whether the last byte of f is not a line break.
func endsWithinLine(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], info.Size()-1); err != nil {
		return false, err
	}
	return last[0] != '\n', nil
}

// find returns the pins for hostport in the order of the file.
func (k *KnownHosts) find(hostport string) ([]pin, error) {
	host, err := canonical(hostport)
	if err != nil {
		return nil, fmt.Errorf("identity: known server: %w", err)
	}
	f, err := os.Open(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if _, missing := os.Lstat(k.path); err != nil && missing != nil {
		return nil, fmt.Errorf("identity: known servers %w: %w", ErrNotStored, err)
	}
	if err != nil {
		return nil, fmt.Errorf("identity: known servers: %w", err)
	}
	defer f.Close()
	pins, err := parsePins(f, host)
	if err != nil {
		return nil, fmt.Errorf("identity: known servers: %s%w", k.path, err)
	}
	return pins, nil
}

// parsePins reads a list and returns the pins of one canonical host. Its errors
// read on after the name of the list, as ":line: …".
func parsePins(r io.Reader, host string) ([]pin, error) {
	var pins []pin
	lines := bufio.NewScanner(r)
	number := 0
	for lines.Scan() {
		number++
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		p, err := parsePin(text)
		if err != nil {
			return nil, fmt.Errorf(":%d: %w; correct or remove the line", number, err)
		}
		if p.host == host {
			p.line = number
			pins = append(pins, p)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf(":%d: %w", number+1, err)
	}
	return pins, nil
}

// parsePin reads one line that is neither empty nor a comment.
func parsePin(text string) (pin, error) {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return pin{}, fmt.Errorf("a line is \"[host]:port %s…\", not %q", fingerprintPrefix, text)
	}
	host, err := canonical(fields[0])
	if err != nil {
		return pin{}, err
	}
	fingerprint, err := ParseFingerprint(fields[1])
	if err != nil {
		return pin{}, err
	}
	return pin{host: host, fingerprint: fingerprint}, nil
}
