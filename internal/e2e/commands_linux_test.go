package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestCommandLines tries every form of command line that the programs were
// asked to have, between two machines, with IPv4 and IPv6.
func TestCommandLines(t *testing.T) {
	server, client := newWire(t)
	for version, address := range map[string]string{"IPv4": serverV4, "IPv6": serverV6} {
		t.Run(version, func(t *testing.T) {
			t.Run("uft", func(t *testing.T) { uftCommandLines(t, server.host, client.host, version, address) })
			t.Run("serveur", func(t *testing.T) { duplexCommandLines(t, server.host, client.host, version, address) })
		})
	}
}

// uftCommandLines runs each pair of a server's and a client's line. FILE in a
// line is a file of its own, HOST is the server.
func uftCommandLines(t *testing.T, server, client *host, version, address string) {
	for i, c := range []struct{ server, client string }{
		{"-a", "HOST -b 100M -t FILE"},
		{"-a -p 4000", "HOST -p 4000 -b 100000000 -t FILE"},
		{"-a -p 4000 -l 0.1", "HOST -p 4000 -l 0.1 -b 50M -t FILE"},
		{"-a", "HOST -t FILE"},
		{"--accept --port 4000 --loss 0.05", "--transmit FILE --bitrate 50M --loss 0.05 --port 4000 HOST"},
		{"-s", "HOST -b 100M -r FILE"},
		{"-s -p 4000", "HOST -p 4000 -b 100000000 -r FILE"},
		{"-s -p 4000 -l 0.1", "HOST -p 4000 -l 0.1 -b 50M -r FILE"},
		{"-s", "-r FILE HOST"},
		{"--serve --port 4000 --loss 0.05", "--request FILE --bitrate 50M --loss 0.05 --port 4000 HOST"},
	} {
		t.Run(c.server+" and "+c.client, func(t *testing.T) {
			server, client := server.on(t), client.on(t)
			file := version + "-" + name(i)
			contents := randomBytes(uint64(i), 300<<10+i)
			source, target := client, server
			if strings.HasPrefix(c.server, "-s") || strings.HasPrefix(c.server, "--serve") {
				source, target = server, client
			}
			source.write(file, contents)
			service := server.start("uft", strings.Fields(c.server)...)
			service.port()
			words := strings.Fields(strings.NewReplacer("HOST", address, "FILE", file).Replace(c.client))
			client.run(30*time.Second, "uft", words...)
			target.mustHold(file, contents)
			service.mustStop()
		})
	}
}

func duplexCommandLines(t *testing.T, server, client *host, version, address string) {
	for i, c := range []struct{ server, client string }{
		{"RECEIVED 4000", "SENT HOST 4000"},
		{"SENT RECEIVED 4000", "SENT RECEIVED HOST 4000"},
		{"SENT RECEIVED 4000", "SENT RECEIVED HOST 4000 4001"},
	} {
		t.Run(c.server+" and "+c.client, func(t *testing.T) {
			server, client := server.on(t), client.on(t)
			there, back := randomBytes(uint64(i), 200<<10+i), randomBytes(uint64(i)+100, 300<<10+i)
			names := strings.NewReplacer("HOST", address,
				"SENT", version+"-sent-"+name(i), "RECEIVED", version+"-received-"+name(i))
			client.write(names.Replace("SENT"), there)
			server.write(names.Replace("SENT"), back)

			serveur := server.start("serveur", strings.Fields(names.Replace(c.server))...)
			serveur.port()
			client.run(30*time.Second, "client", strings.Fields(names.Replace(c.client))...)
			serveur.mustEnd(0, 30*time.Second)

			server.mustHold(names.Replace("RECEIVED"), there)
			if strings.HasPrefix(c.server, "SENT") {
				client.mustHold(names.Replace("RECEIVED"), back)
			}
			if local := strings.TrimPrefix(c.client, "SENT RECEIVED HOST 4000 "); local != c.client {
				if from := serveur.waitFor(`connected to \S*:(\d+)`)[1]; from != local {
					t.Errorf("the client sent from port %s, not %s", from, local)
				}
			}
		})
	}
}

// TestNameWithADeadAddress reaches a server by a name whose first address
// nobody answers for (RFC 8305).
func TestNameWithADeadAddress(t *testing.T) {
	server, client := newWire(t)
	client.knows(nobodyV6+" server.example", serverV4+" server.example")
	contents := randomBytes(1, 1<<20)
	client.write("file", contents)
	service := server.start("uft", "-a")
	service.port()
	sent := client.run(5*time.Second, "uft", "server.example", "-t", "file")
	server.mustHold("file", contents)
	report(t, sent, len(contents))
	service.mustStop()
}
