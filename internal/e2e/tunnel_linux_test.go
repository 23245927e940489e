package e2e

import (
	"bytes"
	"encoding/binary"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// TestTunnelIsTraced moves a file through `medium --tun` between two machines,
// and wants its trace and its capture to have all of it.
func TestTunnelIsTraced(t *testing.T) {
	server, client := newNamespace(t, "server"), newNamespace(t, "client")
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skipf("no TUN devices here: %v", err)
	}
	network := newHost(t)
	tunnel := network.start("medium", "--tun", "--left", client.name+","+clientV4+"/24", "--right", server.name+","+serverV4+"/24",
		"rate=50M", "delay=5ms", "loss=1%", "--seed", "1", "--trace", "link.qlog", "--trace-packets", "--pcap", "link.pcapng")
	tunnel.waitFor(`tunnel from`)

	contents := randomBytes(1, 1<<20)
	client.write("file", contents)
	service := server.start("uft", "-a")
	service.port()
	client.run(30*time.Second, "uft", serverV4, "-t", "file", "--udp")
	server.mustHold("file", contents)
	service.mustStop()
	tunnel.mustStop()

	trace := read(t, network, "link.qlog")
	intervals := regexp.MustCompile(`"network:interval","group_id":"up","data":\{[^}]*"bytes_out":(\d+)`).FindAllSubmatch(trace, -1)
	if len(intervals) == 0 {
		t.Fatalf("the trace has no interval of the way up:\n%.2000s", trace)
	}
	carried, err := strconv.Atoi(string(intervals[len(intervals)-1][1]))
	if err != nil || carried < len(contents) {
		t.Errorf("by its trace the tunnel carried %d bytes of a file of %d: %v", carried, len(contents), err)
	}
	for _, want := range []string{`"name":"network:packet","group_id":"down"`, `"fate":"lost"`} {
		if !bytes.Contains(trace, []byte(want)) {
			t.Errorf("the trace lacks %s", want)
		}
	}
	network.run(10*time.Second, "uft", "plot", "link.qlog")
	if picture := read(t, network, "link.svg"); !bytes.Contains(picture, []byte("<svg")) {
		t.Error("uft plot draws no picture of the trace")
	}

	const sectionHeader = 0x0a0d0d0a // the first block of pcapng
	capture := read(t, network, "link.pcapng")
	if len(capture) < len(contents) || binary.LittleEndian.Uint32(capture) != sectionHeader {
		t.Errorf("the capture has %d bytes and begins with % x", len(capture), capture[:min(4, len(capture))])
	}
}

// read returns what stands in a file of the host.
func read(t *testing.T, h *host, name string) []byte {
	t.Helper()
	contents, err := os.ReadFile(h.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return contents
}
