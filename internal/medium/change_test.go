package medium

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"example.com/uft/internal/link"
	"example.com/uft/internal/pcap"
)

func TestRelayChangesWhileItRuns(t *testing.T) {
	client, server := newPeer(t, "127.0.0.1:0"), newPeer(t, "127.0.0.1:0")
	r := serve(t, Config{To: server.address().String()})
	client.send(r.LocalAddr(), "one")
	at := server.want("one")
	if err := r.Change(link.Changes{Up: "loss=1", Down: "duplicate=1"}); err != nil {
		t.Fatal(err)
	}
	client.send(r.LocalAddr(), "two")
	waitFor(t, func() bool { return r.Counters().Up.Lost == 1 })
	server.send(at, "twice")
	client.want("twice")
	client.want("twice")
	if err := r.Change(link.Changes{Up: "loss=0", Down: "loss=2"}); err == nil {
		t.Error("a change that makes no sense for one direction was made")
	}
	if up, down := r.Links(); up.Loss != 1 || down.Duplicate != 1 {
		t.Errorf("a change that was refused changed %v, %v", up, down)
	}
	if err := r.Change(link.Changes{Up: "loss=0"}); err != nil {
		t.Fatal(err)
	}
	client.send(r.LocalAddr(), "three")
	server.want("three")
}

func TestRelayFollowsItsScenarios(t *testing.T) {
	client, server := newPeer(t, "127.0.0.1:0"), newPeer(t, "127.0.0.1:0")
	r := serve(t, Config{To: server.address().String(), Scenarios: Scenarios{
		Up:   link.Scenario{Steps: []link.Step{{Change: "duplicate=1"}}},
		Down: link.Scenario{Steps: []link.Step{{At: time.Hour, Change: "loss=1"}}},
	}})
	client.send(r.LocalAddr(), "hello")
	server.want("hello")
	server.send(server.want("hello"), "back")
	client.want("back")
}

func TestRelayCaptures(t *testing.T) {
	var file bytes.Buffer
	capture, err := pcap.NewWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	client, server := newPeer(t, "127.0.0.1:0"), newPeer(t, "127.0.0.1:0")
	r := serve(t, Config{To: server.address().String(), Capture: capture, Up: link.Config{Duplicate: 1}, Down: link.Config{Loss: 1}})
	client.send(r.LocalAddr(), "hello")
	server.want("hello")
	server.send(server.want("hello"), "back")
	waitFor(t, func() bool { return r.Counters().Down.Lost == 1 })
	r.Close()
	if err := capture.Close(); err != nil {
		t.Fatal(err)
	}

	up := fmt.Sprintf("%d to %d", client.address().Port(), server.address().Port())
	down := fmt.Sprintf("%d to %d", server.address().Port(), client.address().Port())
	want := []string{
		"down in " + down + ": back [lost]",
		"up in " + up + ": hello [duplicated]",
		"up out " + up + ": hello []",
		"up out " + up + ": hello []",
	}
	// What enters and what leaves is written by several goroutines.
	got := readCapture(t, &file)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the capture is another (-want +got):\n%s", diff)
	}
}

// waitFor waits until something holds that has no other sign.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("what was waited for did not happen in %v", patience)
		}
	}
}

// readCapture returns the UDP datagrams of a capture in words.
func readCapture(t *testing.T, file *bytes.Buffer) (lines []string) {
	t.Helper()
	r, err := pcapgo.NewNgReader(file, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	for {
		data, info, options, err := r.ReadPacketDataWithOptions()
		if err != nil {
			return lines
		}
		place, err := r.Interface(info.InterfaceIndex)
		if err != nil {
			t.Fatal(err)
		}
		packet := gopacket.NewPacket(data, layers.LayerTypeLoopback, gopacket.Default)
		if udp, ok := packet.Layer(layers.LayerTypeUDP).(*layers.UDP); ok {
			lines = append(lines, fmt.Sprintf("%s %d to %d: %s %v", place.Name, udp.SrcPort, udp.DstPort, udp.Payload, options.Comments))
		}
	}
}
