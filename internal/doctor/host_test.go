package doctor

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/uft/internal/identity"
	"example.com/uft/internal/wire"
	"example.com/uft/transport"
)

// A wait for an answer that does not come is bounded by patience, and by
// certainty where another answer has to come within the same bound, however busy
// the machine is.
const (
	patience  = 400 * time.Millisecond
	certainty = 5 * time.Second
)

// listen starts a server on 127.0.0.1 that lets its clients do nothing.
func listen(t *testing.T, carrier transport.Carrier) (port uint16, fingerprint string) {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	listener, err := transport.Listen("127.0.0.1:0", &transport.Config{Identity: key, Carrier: carrier})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := listener.Accept(ctx); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		<-done
	})
	address, err := netip.ParseAddrPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return address.Port(), identity.Fingerprint(key.Public().(ed25519.PublicKey))
}

// examine examines the way to a server, and returns the findings by their names.
func examine(t *testing.T, options Options) (Report, map[string]Finding) {
	t.Helper()
	options.Host = "127.0.0.1"
	if options.Timeout == 0 {
		options.Timeout = patience
	}
	e := &examination{options: options, tell: func(Finding) {}}
	e.examineHost(t.Context())
	found := map[string]Finding{}
	for _, f := range e.report.Findings {
		checkFinding(t, f)
		found[f.Check] = f
	}
	return e.report, found
}

// TestHost examines the way to a server that is all right and pins nothing.
func TestHost(t *testing.T) {
	t.Parallel()
	list := filepath.Join(t.TempDir(), "known_hosts")
	port, fingerprint := listen(t, transport.AnyCarrier)
	report, found := examine(t, Options{Port: port, KnownHosts: list, Timeout: 4 * certainty})
	if report.Silent || report.IdentityChanged || report.Faults() != 0 {
		t.Errorf("a good server: %+v", report)
	}
	for _, check := range []string{"IPv4 UDP", "IPv4 TCP", "IPv4 path MTU"} {
		if found[check].Verdict != OK {
			t.Errorf("%s: %+v", check, found[check])
		}
	}
	if rtt, ok := found["IPv4 UDP"].Values["rtt_ms"].(float64); !ok || rtt <= 0 {
		t.Errorf("round-trip time: %+v", found["IPv4 UDP"])
	}
	if f := found["server identity"]; f.Verdict != Note || f.Text != fingerprint+", not known here yet" {
		t.Errorf("first contact: %+v", f)
	}
	if _, err := os.Stat(list); !errors.Is(err, os.ErrNotExist) {
		t.Error("the server was remembered")
	}
}

// TestHostIdentity compares the server with what is known of it.
func TestHostIdentity(t *testing.T) {
	t.Parallel() // it mostly waits for TCP
	list := filepath.Join(t.TempDir(), "known_hosts")
	port, fingerprint := listen(t, transport.UDP)
	other := identity.Fingerprint(make([]byte, 32))
	server := fmt.Sprintf("127.0.0.1:%d", port)
	hosts := identity.NewKnownHosts(list)

	if err := hosts.Add(server, other); err != nil {
		t.Fatal(err)
	}
	report, found := examine(t, Options{Port: port, KnownHosts: list, Timeout: certainty})
	if f := found["server identity"]; !report.IdentityChanged || f.Verdict != Fix || !strings.Contains(f.Text, fingerprint) {
		t.Errorf("another key is known: %+v", f)
	}
	if err := hosts.Add(server, fingerprint); err != nil {
		t.Fatal(err)
	}
	report, found = examine(t, Options{Port: port, KnownHosts: list, Timeout: certainty})
	if f := found["server identity"]; report.IdentityChanged || f.Verdict != OK || f.Text != fingerprint+", the known one" {
		t.Errorf("this key is known: %+v", f)
	}
	report, _ = examine(t, Options{Port: port, KnownHosts: list, Fingerprint: other, Timeout: certainty})
	if !report.IdentityChanged {
		t.Error("the fingerprint that the user gave was not compared")
	}
	if f := found["IPv4 TCP"]; f.Verdict != Note || report.Silent {
		t.Errorf("a server without TCP is at fault: %+v", f)
	}
}

// TestHostByTCPAlone: UDP does not get through, so that is what to mend.
func TestHostByTCPAlone(t *testing.T) {
	t.Parallel() // it mostly waits for UDP
	port, _ := listen(t, transport.TCP)
	report, found := examine(t, Options{Port: port, KnownHosts: filepath.Join(t.TempDir(), "list"), Timeout: certainty})
	f := found["IPv4 UDP"]
	want := fmt.Sprintf("at the server: sudo ufw allow %d/udp, or the like in the firewall that drops it", port)
	if report.Silent || f.Verdict != Fix || f.Fix != want || found["IPv4 TCP"].Verdict != OK {
		t.Errorf("UDP %+v\nTCP %+v", f, found["IPv4 TCP"])
	}
}

// TestHostSilent: nobody listens, or nobody answers.
func TestHostSilent(t *testing.T) {
	t.Parallel()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	port := socket.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	report, found := examine(t, Options{Port: port})
	if f := found["IPv4 UDP"]; !report.Silent || f.Verdict != Fix || !strings.HasSuffix(f.Text, "no answer within 400 ms") {
		t.Errorf("nobody answers: %+v", f)
	}
	_ = socket.Close()
	report, found = examine(t, Options{Port: port, Timeout: 4 * certainty})
	want := fmt.Sprintf("start the server there: uft -a -p %d", port)
	if f := found["IPv4 UDP"]; !report.Silent || f.Fix != want {
		t.Errorf("nobody listens: %+v", f)
	}
	if _, asked := found["IPv4 path MTU"]; asked {
		t.Error("the path MTU to nobody was searched")
	}
}

// TestNoSuchHost: a name without an address. The name is malformed, so that no
// name server is asked.
func TestNoSuchHost(t *testing.T) {
	e := &examination{options: Options{Host: "a..b", Port: 1, Timeout: patience}, tell: func(f Finding) { checkFinding(t, f) }}
	e.examineHost(t.Context())
	if !e.report.Silent || e.report.Faults() != 1 {
		t.Errorf("%+v", e.report)
	}
}

// TestWeighFamilies: a family that fails is no fault where the other works.
func TestWeighFamilies(t *testing.T) {
	silence := &transport.TimeoutError{Handshake: true, After: 3 * time.Second}
	noRoute := &transport.TimeoutError{Handshake: true, After: time.Second, SendError: syscall.ENETUNREACH}
	reached := answer{handshake: 21 * time.Millisecond, rtt: 10 * time.Millisecond}
	for _, test := range []struct {
		name     string
		udp, tcp answer
		elsewise bool // reached by the other family
		want     Verdict
		text     string
	}{
		{"reached", reached, reached, true, OK, "[2001:db8::1]:5855 answers: handshake 21 ms, round trip 10 ms"},
		{"no route", answer{err: noRoute}, answer{err: noRoute}, true, Note, "[2001:db8::1]:5855: " + syscall.ENETUNREACH.Error()},
		{"silent, the other works", answer{err: silence}, answer{err: silence}, true, Note, "[2001:db8::1]:5855: no answer within 3.0 s"},
		{"silent", answer{err: silence}, answer{err: silence}, false, Fix, "[2001:db8::1]:5855: no answer within 3.0 s"},
		{"no route at all", answer{err: noRoute}, answer{err: noRoute}, false, Fix, "[2001:db8::1]:5855: " + syscall.ENETUNREACH.Error()},
		{"UDP blocked", answer{err: silence}, reached, true, Fix, "[2001:db8::1]:5855: no answer within 3.0 s; TCP does, and is slower where packets get lost"},
	} {
		f := &family{name: "IPv6", address: netip.MustParseAddrPort("[2001:db8::1]:5855"), udp: test.udp, tcp: test.tcp}
		answered := test.elsewise || test.udp.err == nil || test.tcp.err == nil
		got := f.weighUDP(answered)
		checkFinding(t, got)
		checkFinding(t, f.weighTCP(answered))
		if got.Verdict != test.want || got.Text != test.text {
			t.Errorf("%s: %s %q", test.name, got.Verdict, got.Text)
		}
	}
}

// narrowServer answers probes of at most so many bytes, headers included, and
// loses the first answer to each size.
func narrowServer(t *testing.T, most int) netip.AddrPort {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1<<16)
		seen := map[int]bool{}
		for {
			n, from, err := socket.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			h, err := wire.ConsumeLongHeader(buf[:n])
			if !errors.Is(err, wire.ErrVersion) || n+28 > most {
				continue
			}
			if !seen[n] {
				seen[n] = true
				continue
			}
			_, _ = socket.WriteToUDPAddrPort(wire.AppendVersionNegotiation(nil, wire.VersionNegotiation{
				Destination: h.Source, Source: h.Destination, Versions: []uint32{wire.Version1},
			}), from)
		}
	}()
	t.Cleanup(func() {
		_ = socket.Close()
		<-done
	})
	return socket.LocalAddr().(*net.UDPAddr).AddrPort()
}

// TestPathMTUIsFoundExactly although every answer is lost once.
func TestPathMTUIsFoundExactly(t *testing.T) {
	for _, most := range []int{1233, 1413} {
		t.Run(strconv.Itoa(most), func(t *testing.T) {
			t.Parallel() // it mostly waits
			size, err := searchPathMTU(t.Context(), narrowServer(t, most), 50*time.Millisecond)
			if err != nil || size.largest != most || size.silent != most+1 {
				t.Errorf("found %+v: %v", size, err)
			}
		})
	}
}

// TestPathMTUWithoutAnswer is not measured, and no fault.
func TestPathMTUWithoutAnswer(t *testing.T) {
	size, err := searchPathMTU(t.Context(), narrowServer(t, 0), time.Millisecond)
	f := size.finding("IPv4 path MTU")
	checkFinding(t, f)
	if err != nil || size.largest != 0 || f.Verdict != Note {
		t.Errorf("found %+v, %+v: %v", size, f, err)
	}
}

func TestPathSizeFinding(t *testing.T) {
	for _, test := range []struct {
		size pathSize
		want string
	}{
		{pathSize{largest: 1500, adapter: 1500}, "1500 bytes get through, all that the interface here takes"},
		{pathSize{largest: 1420, silent: 1421, adapter: 1500}, "1420 bytes get through, 1421 get no answer; the interface here takes 1500"},
		{pathSize{largest: 1420, silent: 1421}, "1420 bytes get through, 1421 get no answer"},
		{pathSize{largest: 9216, fragment: true}, "datagrams of 9216 bytes get through, perhaps in fragments"},
		{pathSize{silent: 1280}, "not measured: datagrams of 1280 bytes and more get no answer"},
	} {
		f := test.size.finding("IPv4 path MTU")
		checkFinding(t, f)
		if f.Text != test.want {
			t.Errorf("%+v: %q, want %q", test.size, f.Text, test.want)
		}
	}
}

// TestPathSizeNarrowsDown: every set lies within what is not known yet, and
// ends it after a few.
func TestPathSizeNarrowsDown(t *testing.T) {
	p := pathSize{largest: 1500, silent: 65535}
	const most = 23456
	for round := 0; p.silent-p.largest > 1; round++ {
		sizes := p.between()
		if len(sizes) == 0 || len(sizes) > probesAtOnce || round > probeRounds ||
			slices.Min(sizes) <= p.largest || slices.Max(sizes) >= p.silent {
			t.Fatalf("round %d after %+v: %v", round, p, sizes)
		}
		answered := map[int]bool{}
		for _, n := range sizes {
			answered[n] = n <= most
		}
		p.learn(sizes, answered)
	}
	if p.largest != most || p.between() != nil {
		t.Errorf("found %+v", p)
	}
}
