package e2e

import (
	"strings"
	"testing"
	"time"
)

// blockUDP has a host drop every UDP datagram that comes in, as a firewall does
// that says nothing: a routing rule of its own, so that no firewall has to be
// installed. What is addressed to the host itself is decided by the rule with the
// number 0, which therefore has to come after.
func (n *namespace) blockUDP() {
	n.t.Helper()
	for _, family := range []string{"-4", "-6"} {
		ip(n.t, "-n", n.name, family, "rule", "add", "pref", "1", "lookup", "local")
		ip(n.t, "-n", n.name, family, "rule", "del", "pref", "0")
		ip(n.t, "-n", n.name, family, "rule", "add", "pref", "0", "iif", wire, "ipproto", "udp", "blackhole")
	}
}

// TestUDPIsBlocked: every program gets through by TCP and says so, unless it is
// told not to; whichever side the firewall stands on.
func TestUDPIsBlocked(t *testing.T) {
	addresses := map[string]string{"IPv4": serverV4, "IPv6": serverV6}
	for _, side := range []string{"server", "client"} {
		t.Run("at the "+side, func(t *testing.T) {
			t.Parallel()
			server, client := newWire(t)
			if side == "server" {
				server.blockUDP()
			} else {
				client.blockUDP()
			}
			size := fullSize(50<<20, 5<<20)
			there, back := randomBytes(1, size), randomBytes(2, size)
			for version, address := range addresses {
				if !everything && (version == "IPv4") != (side == "server") {
					continue // each once
				}
				t.Run(version, func(t *testing.T) {
					s, c := server.on(t), client.on(t)
					c.write(version+".there", there)
					s.write(version+".back", back)
					service := s.start("uft", "-a", "-s")
					service.port()
					for _, words := range []string{"-t " + version + ".there", "-r " + version + ".back", "--tcp --overwrite -r " + version + ".back"} {
						p := c.run(patience, "uft", strings.Fields(address+" "+words)...)
						if said := strings.Contains(p.words(), "going over TCP"); said == strings.Contains(words, "--tcp") {
							t.Errorf("%s said\n%s", p.line, p.words())
						}
					}
					s.mustHold(version+".there", there)
					c.mustHold(version+".back", back)
					c.start("uft", address, "--udp", "--timeout", "2s", "-r", version+".back", "-o", "none").mustEnd(5, patience)
					service.kill() // what the client asked for by UDP, in vain, may still be under way

					serveur := s.start("serveur", version+".back", version+".copy", "4000")
					serveur.port()
					p := c.run(patience, "client", version+".there", version+".copy", address, "4000")
					p.waitFor("going over TCP")
					serveur.mustEnd(0, patience)
					s.mustHold(version+".copy", there)
					c.mustHold(version+".copy", back)
				})
			}
		})
	}
}

// TestCarriersSideBySide: a server gives files to clients of UDP and of TCP at the
// same time.
func TestCarriersSideBySide(t *testing.T) {
	server, client := newWire(t)
	contents := randomBytes(1, fullSize(50<<20, 10<<20))
	server.write("file", contents)
	service := server.start("uft", "-a", "-s")
	service.port()
	var all []*process
	for _, carrier := range []string{"--udp", "--tcp", "--udp", "--tcp"} {
		name := "copy" + carrier + string(rune('0'+len(all)))
		all = append(all, client.start("uft", serverV4, carrier, "-r", "file", "-o", name))
	}
	for i, p := range all {
		p.mustEnd(0, patience)
		client.mustHold("copy"+[]string{"--udp", "--tcp"}[i%2]+string(rune('0'+i)), contents)
	}
	service.mustStop()
}

// TestServerOverTCPIsKilled and the like: who uses TCP finds out as soon.
func TestServerOverTCPIsKilled(t *testing.T) {
	t.Parallel()
	server, client := newHost(t), newHost(t)
	service := server.start("uft", "-a", "-p", "0")
	client.write("file", randomBytes(1, slowBytes))
	moving := client.start("uft", "127.0.0.1", "--tcp", "-p", service.port(), "-b", slow, "-t", "file")
	server.waitForBytes(moving)
	service.kill()
	moving.mustEnd(5, 10*time.Second)
	server.mustLack("file")
}

// TestClientOverTCPIsKilled: the server gives it up, and serves others.
func TestClientOverTCPIsKilled(t *testing.T) {
	t.Parallel()
	server, client := newHost(t), newHost(t)
	client.write("file", randomBytes(1, slowBytes))
	service := server.start("uft", "-a", "-p", "0")
	moving := client.start("uft", "127.0.0.1", "--tcp", "-p", service.port(), "-b", slow, "-t", "file")
	server.waitForBytes(moving)
	moving.kill()
	service.waitFor(`\S+:\d+: .*file.*gone`)
	service.mustStop()
}
