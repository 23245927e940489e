package uft

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"

	"example.com/uft/internal/rate"
	"example.com/uft/transport"
)

// The functions below read the values of options. Their errors read on after
// the option and its value.

// parsePort reads a port, 0 included.
func parsePort(s string) (uint16, error) {
	port, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, errors.New("a port is a number from 0 to 65535")
	}
	return uint16(port), nil
}

// parseAddress reads where to listen: a port, which means all addresses of the
// machine, or an address and a port. It returns them as "host:port".
func parseAddress(s string) (string, error) {
	host, text, err := net.SplitHostPort(s)
	if err != nil {
		host, text = "", s
	}
	port, err := parsePort(text)
	if err != nil || text == "" {
		return "", errors.New("write a port, or an address and a port: 8080, 127.0.0.1:8080, [::1]:8080")
	}
	if host != "" {
		if host, err = parseHost(host); err != nil {
			return "", err
		}
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port))), nil
}

// parseLoss reads a probability. Not a number compares false with everything,
// so the condition asks for what is right.
func parseLoss(s string) (float64, error) {
	p, err := strconv.ParseFloat(s, 64)
	if err != nil || !(p >= 0 && p <= 1) {
		return 0, errors.New("a loss rate is a number from 0.0 to 1.0")
	}
	return math.Abs(p), nil // -0 is 0
}

// parseBitrate reads a gross rate in bit/s.
func parseBitrate(s string) (int64, error) {
	bits, err := rate.Parse(s)
	if err != nil {
		// The text of package rate names the value again.
		return 0, errors.New(strings.TrimPrefix(err.Error(), fmt.Sprintf("rate %q: ", s)))
	}
	if bits < MinBitrate {
		return 0, fmt.Errorf("the lowest rate is %s", rate.Format(MinBitrate))
	}
	return bits, nil
}

// parseMode reads how the sender behaves towards others on the path, and returns
// whether it is to yield.
func parseMode(s string) (background bool, err error) {
	switch s {
	case "default":
		return false, nil
	case "background":
		return true, nil
	}
	return false, errors.New("a mode is default, or background: use only what everybody else leaves")
}

// mode names what --mode asked for, if it was not the default.
func (c *Command) mode() string {
	if c.Background {
		return "background"
	}
	return ""
}

// parseSeed reads a seed.
func parseSeed(s string) (uint64, error) {
	seed, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, errors.New("a seed is a whole number from 0 to 18446744073709551615")
	}
	return seed, nil
}

// parseBlockSize reads how many bytes of a file a datagram carries: a size in the
// way of parseSize, or "auto".
func parseBlockSize(s string) (int, error) {
	if s == "auto" {
		return transport.AutoBlockSize, nil
	}
	size, err := parseSize(s)
	if err != nil || size < transport.SmallestBlockSize || size > transport.LargestBlockSize {
		return 0, fmt.Errorf("a block size is auto, or a number of bytes from %d to %d, such as 1400, 8192 or 32K",
			transport.SmallestBlockSize, transport.LargestBlockSize)
	}
	return int(size), nil
}

// parsePath reads the name of a file or folder.
func parsePath(s string) (string, error) {
	if s == "" {
		return "", errors.New("the name is empty")
	}
	if strings.ContainsRune(s, 0) {
		return "", errors.New("no name holds a zero byte")
	}
	return s, nil
}

// parseSize reads an amount of bytes: a number, a decimal or binary prefix and
// perhaps B. As with other tools of the kind, a bare prefix is binary: 10M and
// 10MiB are 10 × 2²⁰, 10MB is 10 × 10⁶.
func parseSize(s string) (int64, error) {
	bad := errors.New("a size is a number of bytes above 0, such as 500000, 10M, 2.5GiB or 10MB")
	number, unit := s, ""
	if i := strings.IndexFunc(s, unicode.IsLetter); i >= 0 {
		number, unit = strings.TrimSpace(s[:i]), s[i:]
	}
	factor := 1.0
	if unit != "" && !strings.EqualFold(unit, "B") {
		power := strings.IndexByte("kmgtpe", lower(unit[0])) + 1
		switch base := strings.ToLower(unit[1:]); {
		case power == 0:
			return 0, bad
		case base == "" || base == "i" || base == "ib":
			factor = math.Pow(1024, float64(power))
		case base == "b":
			factor = math.Pow(1000, float64(power))
		default:
			return 0, bad
		}
	}
	value, err := strconv.ParseFloat(number, 64)
	// Below 2⁵³ every whole number is exact; no disk is near 2⁶³ bytes.
	if size := value * factor; err == nil && size >= 1 && size < math.MaxInt64 {
		return int64(size), nil
	}
	return 0, bad
}

// lower returns an ASCII letter in lower case.
func lower(b byte) byte { return b | 0x20 }

// parseTimeout reads a span of time; a bare number counts seconds.
func parseTimeout(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		d, err = time.ParseDuration(s + "s")
	}
	if err != nil || d <= 0 {
		return 0, errors.New("a time is a number above 0, such as 10s, 1.5m or 500ms")
	}
	return d, nil
}

// parseHost reads a host name or an IP address, which may stand in brackets and
// have a zone, and returns it as it is dialled.
func parseHost(s string) (string, error) {
	inner, bracketed := strings.CutPrefix(s, "[")
	if bracketed {
		var closed bool
		inner, closed = strings.CutSuffix(inner, "]")
		if addr, err := netip.ParseAddr(inner); !closed || err != nil || !addr.Is6() {
			return "", withoutPort(s, "brackets hold an IPv6 address, as in [2001:db8::1]")
		}
		return inner, nil
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return s, nil
	}
	switch {
	case s == "":
		return "", errors.New("the name is empty")
	case len(s) > 254: // RFC 1035 §2.3.4, and a final dot
		return "", errors.New("the name is longer than any host's")
	case strings.ContainsAny(s, `/\`):
		return "", errors.New("this is a path; the first word that is no option is the host, as in uft HOST -t FILE FILE")
	case strings.Contains(s, "@"):
		return "", errors.New("there are no user names here; write the host alone")
	case strings.Contains(s, ":"):
		return "", withoutPort(s, "this is neither a name nor an IPv6 address")
	case strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("-._", r)
	}):
		return "", errors.New("a host name holds only letters, digits, dots and hyphens")
	}
	return s, nil
}

// withoutPort returns the error for a host that is none because a port stands
// behind it, or else one with the text given.
func withoutPort(s, otherwise string) error {
	if host, port, err := net.SplitHostPort(s); err == nil {
		if _, err := parsePort(port); err == nil && host != "" {
			return fmt.Errorf("the port is written apart: %s -p %s", host, port)
		}
	}
	return errors.New(otherwise)
}
