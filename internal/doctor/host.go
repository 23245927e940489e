package doctor

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"example.com/uft/internal/cli/term"
	"example.com/uft/internal/identity"
	"example.com/uft/transport"
)

const (
	// observation is how long a connection is watched after the handshake, and
	// signOfLife how often the server is asked within it: the least of some
	// round trips says more than the first.
	observation = 250 * time.Millisecond
	signOfLife  = 25 * time.Millisecond
)

// A family is one IP version of a name.
type family struct {
	name    string // IPv4 or IPv6
	address netip.AddrPort
	udp     answer
	tcp     answer
}

// An answer is what became of an attempt to reach the server.
type answer struct {
	handshake time.Duration // until the connection stood
	rtt       time.Duration // least round-trip time; 0: not known
	key       ed25519.PublicKey
	err       error
}

// examineHost looks up the server and tries each way to it.
func (e *examination) examineHost(ctx context.Context) {
	families, err := lookUp(ctx, e.options.Host, e.options.Port)
	if err != nil {
		e.report.Silent = true
		e.add(ctx, Finding{
			Check: "host", Verdict: Fix, Text: lookupText(e.options.Host, err),
			Fix: "write the name as it is known here, or the address",
		})
		return
	}
	var attempts sync.WaitGroup
	for _, f := range families {
		attempts.Go(func() { f.udp = ask(ctx, f.address, transport.UDP, e.options.Timeout) })
		attempts.Go(func() { f.tcp = ask(ctx, f.address, transport.TCP, e.options.Timeout) })
	}
	attempts.Wait()
	e.weighFamilies(ctx, families)
}

// weighFamilies reports what the attempts have shown.
func (e *examination) weighFamilies(ctx context.Context, families []*family) {
	answered := false
	for _, f := range families {
		answered = answered || f.udp.err == nil || f.tcp.err == nil
	}
	e.report.Silent = !answered && ctx.Err() == nil
	keys := map[string]bool{}
	for _, f := range families {
		e.add(ctx, f.weighUDP(answered), f.weighTCP(answered))
		for _, a := range []answer{f.udp, f.tcp} {
			if a.err == nil && len(a.key) > 0 && !keys[identity.Fingerprint(a.key)] {
				keys[identity.Fingerprint(a.key)] = true
				e.weighIdentity(ctx, identity.Fingerprint(a.key))
			}
		}
	}
	for _, f := range families {
		if f.udp.err == nil && ctx.Err() == nil {
			e.add(ctx, f.checkPathMTU(ctx))
		}
	}
}

// lookUp returns the first address of the host in each family, as a client
// would try them.
func lookUp(ctx context.Context, host string, port uint16) ([]*family, error) {
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var v4, v6 *family
	for _, address := range found {
		address = address.Unmap()
		switch {
		case address.Is4() && v4 == nil:
			v4 = &family{name: "IPv4", address: netip.AddrPortFrom(address, port)}
		case !address.Is4() && v6 == nil:
			v6 = &family{name: "IPv6", address: netip.AddrPortFrom(address, port)}
		}
	}
	var families []*family
	for _, f := range []*family{v6, v4} {
		if f != nil {
			families = append(families, f)
		}
	}
	if len(families) == 0 {
		return nil, fmt.Errorf("%s has no address", host)
	}
	return families, nil
}

// lookupText says why there is no address.
func lookupText(host string, err error) string {
	var lookup *net.DNSError
	switch {
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return "there is no host " + host
	case errors.As(err, &lookup):
		return fmt.Sprintf("cannot look up the host %s: %s", host, lookup.Err)
	}
	return err.Error()
}

// ask connects to the server by one carrier, watches the connection for a
// moment, and closes it. Whoever answers is taken for the server here, because
// nothing is sent to it; who it is, is looked at afterwards.
func ask(ctx context.Context, address netip.AddrPort, carrier transport.Carrier, timeout time.Duration) answer {
	config := transport.Config{Carrier: carrier, HandshakeTimeout: timeout, KeepAlive: signOfLife}
	begin := time.Now()
	conn, err := transport.Dial(ctx, address.String(), &config)
	if err != nil {
		return answer{err: err}
	}
	defer conn.Close() //nolint:errcheck // always nil
	a := answer{handshake: time.Since(begin), key: conn.PeerIdentity()}
	watch := time.NewTimer(observation)
	defer watch.Stop()
	select {
	case <-watch.C:
	case <-conn.Done():
	case <-ctx.Done():
	}
	a.rtt = conn.Stats().MinRTT
	return a
}

// weighUDP weighs the attempt by UDP. answered says whether the server was
// reached in any way.
func (f *family) weighUDP(answered bool) Finding {
	finding := f.udp.finding("UDP", f)
	if f.udp.err == nil {
		return finding
	}
	port := f.address.Port()
	var closed *transport.ClosedPortError
	switch {
	case f.udp.unreachable() && answered:
		finding.Verdict = Note
	case f.tcp.err == nil:
		finding.Verdict = Fix
		finding.Text += "; TCP does, and is slower where packets get lost"
		finding.Fix = fmt.Sprintf("at the server: sudo ufw allow %d/udp, or the like in the firewall that drops it", port)
	case answered:
		finding.Verdict = Note // the other family works, and clients find it
	case errors.As(f.udp.err, &closed):
		finding.Verdict = Fix
		finding.Fix = fmt.Sprintf("start the server there: uft -a -p %d", port)
	default:
		finding.Verdict = Fix
		finding.Fix = fmt.Sprintf("see that a server runs there (uft -a -p %d) and that no firewall drops port %d", port, port)
	}
	return finding
}

// weighTCP weighs the attempt by TCP, which only matters where UDP fails.
func (f *family) weighTCP(answered bool) Finding {
	finding := f.tcp.finding("TCP", f)
	switch {
	case f.tcp.err == nil:
	case f.udp.err == nil:
		finding.Verdict = Note
		finding.Text += "; it is needed only where UDP is blocked"
	default:
		finding.Verdict = Note // the finding about UDP has the fix
	}
	return finding
}

// finding is what both carriers have in common.
func (a answer) finding(carrier string, f *family) Finding {
	finding := Finding{
		Check: f.name + " " + carrier, Verdict: OK,
		Values: map[string]any{"address": f.address.String(), "answered": a.err == nil},
	}
	if a.err != nil {
		finding.Text = fmt.Sprintf("%v: %s", f.address, a.failure())
		return finding
	}
	finding.Text = fmt.Sprintf("%v answers: handshake %s", f.address, milliseconds(a.handshake))
	finding.Values["handshake_ms"] = a.handshake.Seconds() * 1000
	if a.rtt > 0 {
		finding.Text += ", round trip " + milliseconds(a.rtt)
		finding.Values["rtt_ms"] = a.rtt.Seconds() * 1000
	}
	return finding
}

// failure says why there is no connection.
func (a answer) failure() string {
	var silence *transport.TimeoutError
	var closed *transport.ClosedPortError
	var call *net.OpError
	var system syscall.Errno
	switch {
	case errors.As(a.err, &closed):
		return "nobody listens on this port"
	case errors.As(a.err, &system):
		return system.Error()
	case errors.As(a.err, &call):
		return call.Err.Error()
	case errors.As(a.err, &silence) && silence.SendError == nil:
		return "no answer within " + term.Duration(silence.After)
	}
	return strings.TrimPrefix(a.err.Error(), "transport: ")
}

// unreachable reports whether nothing could even be sent.
func (a answer) unreachable() bool {
	var silence *transport.TimeoutError
	return errors.As(a.err, &silence) && silence.SendError != nil
}

// milliseconds prints a time of the network, to a tenth below 10 ms.
func milliseconds(d time.Duration) string {
	if time.Millisecond <= d && d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	}
	return term.Duration(d)
}

// weighIdentity compares the key that the server has proved to own with what
// the user said or what is known. Nothing is remembered.
func (e *examination) weighIdentity(ctx context.Context, presented string) {
	f := Finding{Check: "server identity", Verdict: OK, Values: map[string]any{"fingerprint": presented}}
	status, err := e.compareIdentity(presented)
	var changed *identity.ChangedError
	switch {
	case errors.As(err, &changed):
		e.report.IdentityChanged = true
		f.Verdict, f.Text = Fix, changed.Error()
		f.Fix = "ask whoever runs the server what its fingerprint is, and send nothing before that"
		f.Values["known"] = false
	case err != nil:
		f.Verdict = Note // that the list cannot be read has been said
		f.Text = presented
	case status == identity.New:
		f.Verdict = Note
		f.Text = presented + ", not known here yet"
		f.Values["known"] = false
	default:
		f.Text = presented + ", the known one"
		f.Values["known"] = true
	}
	e.add(ctx, f)
}

// compareIdentity asks the user's fingerprint, or the list of known servers.
func (e *examination) compareIdentity(presented string) (identity.Status, error) {
	server := identity.HostPort(e.options.Host, e.options.Port)
	if e.options.Fingerprint != "" {
		return identity.Match, identity.Expect(server, e.options.Fingerprint, presented)
	}
	path := e.options.KnownHosts
	if path == "" {
		var err error
		if path, err = identity.KnownHostsPath(); err != nil {
			return identity.New, nil
		}
	}
	result, err := identity.NewKnownHosts(path).Check(server, presented)
	if err == nil && result.Status == identity.Changed {
		return result.Status, result.Change
	}
	return result.Status, err
}
