package doctor

import (
	"context"
	"fmt"
	"net"
	"strings"
)

// smallestMTU is the smallest that an interface may have for our datagrams,
// in bytes with the IP header: the handshake's have 1200 bytes of UDP payload
// (docs/protocol.md §3.5), and IPv6 asks for as much anyway.
const smallestMTU = 1280

// An adapter is an interface as the system describes it.
type adapter struct {
	name string
	mtu  int
	// What it does for us; empty where the system does not tell.
	features []feature
	// physical: there is a device behind it, and not only the kernel.
	physical bool
}

// A feature is something that an interface can take over from the processor.
type feature struct {
	name   string // for people
	option string // of ethtool
	on     bool
}

// checkInterfaces looks at the interfaces without sending anything on them.
func checkInterfaces(context.Context, Options) []Finding {
	list, err := net.Interfaces()
	if err != nil {
		return []Finding{{Check: "interfaces", Verdict: Note, Text: "not known: " + err.Error()}}
	}
	var findings []Finding
	for _, i := range list {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		if addresses, err := i.Addrs(); err != nil || len(addresses) == 0 {
			continue // nothing leaves by it under an address of its own
		}
		findings = append(findings, adapter{
			name: i.Name, mtu: i.MTU, features: adapterFeatures(i.Name), physical: isPhysical(i.Name),
		}.finding())
	}
	return findings
}

// finding weighs an interface. Only joining what comes in is worth a fix: the
// kernel cuts trains itself, in one pass, where the interface does not, and
// an interface without checksums is mostly one that never had them. An
// interface that is not physical, such as a container's, passes trains on
// whole as they are.
func (a adapter) finding() Finding {
	f := Finding{
		Check: "interface", Verdict: OK, Text: fmt.Sprintf("%s: MTU %d", a.name, a.mtu),
		Values: map[string]any{"name": a.name, "mtu_bytes": a.mtu},
	}
	for _, x := range a.features {
		state := "off"
		if x.on {
			state = "on"
		}
		f.Text += ", " + x.name + " " + state
		f.Values[x.option] = x.on
		if !x.on && x.option == joinOption && a.physical {
			f.Verdict = Fix
			f.Fix = fmt.Sprintf("sudo ethtool -K %s %s on", shellWord(a.name), joinOption)
		}
	}
	if a.mtu > 0 && a.mtu < smallestMTU {
		f.Verdict = Fix
		f.Text += fmt.Sprintf("; below %d nothing gets through", smallestMTU)
		f.Fix = fmt.Sprintf("sudo ip link set dev %s mtu %d", shellWord(a.name), smallestMTU)
	}
	return f
}

// joinOption is ethtool's name for joining datagrams that come in.
const joinOption = "gro"

// checkIPv6 says whether there is IPv6 on this machine, and a route to other
// networks. Connecting a UDP socket sends nothing: it only looks up the route,
// here to an address that is reserved for documentation (RFC 3849).
func checkIPv6(context.Context, Options) []Finding {
	here, beyond := false, false
	if socket, err := net.ListenPacket("udp6", "[::1]:0"); err == nil {
		here = socket.Close() == nil
	}
	if conn, err := net.Dial("udp6", "[2001:db8::1]:5855"); err == nil {
		beyond = conn.Close() == nil
	}
	return []Finding{weighIPv6(here, beyond)}
}

// weighIPv6 weighs what there is of IPv6. Having none is no fault.
func weighIPv6(here, beyond bool) Finding {
	f := Finding{
		Check: "IPv6", Verdict: Note, Text: "none: IPv4 alone is used",
		Values: map[string]any{"here": here, "route": beyond},
	}
	switch {
	case here && beyond:
		f.Verdict, f.Text = OK, "there, with a route to other networks"
	case here:
		f.Text = "on this machine only: no route to other networks"
	}
	return f
}

// shellWord returns a text as one word of a shell's command line.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:@%,", r)
	}
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
