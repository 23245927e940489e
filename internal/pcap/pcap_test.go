package pcap

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// A record is one packet of a capture as a reader sees it.
type record struct {
	At       time.Time
	Point    string
	Comments []string
	Packet   string
}

func read(t *testing.T, capture io.Reader) (records []record) {
	t.Helper()
	options := pcapgo.DefaultNgReaderOptions
	r, err := pcapgo.NewNgReader(capture, options)
	if err != nil {
		t.Fatal(err)
	}
	if r.LinkType() != layers.LinkTypeNull {
		t.Errorf("link type %v, want that of a loopback interface", r.LinkType())
	}
	for {
		data, info, packetOptions, err := r.ReadPacketDataWithOptions()
		if errors.Is(err, io.EOF) {
			return records
		}
		if err != nil {
			t.Fatal(err)
		}
		// Four bytes of the link layer say what follows; decoders go by them.
		packet := gopacket.NewPacket(data, layers.LayerTypeLoopback, gopacket.Default)
		if network := packet.NetworkLayer(); network == nil {
			t.Fatalf("%x is not decoded: %v", data, packet.ErrorLayer())
		}
		place, err := r.Interface(info.InterfaceIndex)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record{info.Timestamp.UTC(), place.Name, packetOptions.Comments, string(data[4:])})
	}
}

func TestCaptureReadsBack(t *testing.T) {
	var file bytes.Buffer
	w, err := NewWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	four, six := netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("[fd00::1]:1")
	one, two := AppendUDP(nil, four, four, []byte("one")), AppendUDP(nil, six, six, []byte("two"))
	begin := time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)
	w.Packet(begin, UpIn, one, "")
	w.Packet(begin.Add(1), UpOut, one, "")
	w.Packet(begin.Add(2), DownIn, two, "lost")
	w.Packet(begin.Add(3), DownOut, two, "")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := []record{
		{begin, "up in", nil, string(one)},
		{begin.Add(1), "up out", nil, string(one)},
		{begin.Add(2), "down in", []string{"lost"}, string(two)},
		{begin.Add(3), "down out", nil, string(two)},
	}
	if diff := cmp.Diff(want, read(t, &file)); diff != "" {
		t.Errorf("the capture reads back otherwise (-want +got):\n%s", diff)
	}
}

func TestNilWriterWritesNothing(t *testing.T) {
	var w *Writer
	w.Packet(time.Now(), UpIn, []byte("one"), "")
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// A full disk is met some time after the beginning.
type fullDisk struct{ room int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) > d.room {
		return 0, errors.New("no space left")
	}
	d.room -= len(p)
	return len(p), nil
}

func TestErrorIsKeptForClose(t *testing.T) {
	w, err := NewWriter(&fullDisk{room: 2 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		w.Packet(time.Now(), UpIn, make([]byte, 1000), "")
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("Close returns %v", err)
	}
}

func TestUDPIsWhatItSays(t *testing.T) {
	for _, test := range []struct{ source, target string }{
		{"10.0.0.1:1234", "192.0.2.7:5000"},
		{"[2001:db8::1]:1234", "[2001:db8::2]:5000"},
		{"10.0.0.1:1234", "[2001:db8::2]:5000"},
	} {
		for _, size := range []int{0, 1, 2, 1063, 1064, 65_000} {
			payload := bytes.Repeat([]byte{0xa5}, size)
			source, target := netip.MustParseAddrPort(test.source), netip.MustParseAddrPort(test.target)
			raw := AppendUDP([]byte("before"), source, target, payload)[len("before"):]
			first := layers.LayerTypeIPv6
			if raw[0]>>4 == 4 {
				first = layers.LayerTypeIPv4
			}
			packet := gopacket.NewPacket(raw, first, gopacket.Default)
			udp, ok := packet.Layer(layers.LayerTypeUDP).(*layers.UDP)
			if !ok || packet.ErrorLayer() != nil {
				t.Fatalf("%v, %d bytes: %v", test, size, packet)
			}
			if err := udp.SetNetworkLayerForChecksum(packet.NetworkLayer()); err != nil {
				t.Fatal(err)
			}
			if err, mismatches := packet.VerifyChecksums(); err != nil || len(mismatches) > 0 {
				t.Fatalf("%v, %d bytes: %v, wrong checksums %v", test, size, err, mismatches)
			}
			if uint16(udp.SrcPort) != source.Port() || uint16(udp.DstPort) != target.Port() || !bytes.Equal(udp.Payload, payload) {
				t.Errorf("%v, %d bytes: %v", test, size, udp)
			}
			from := netip.MustParseAddr(packet.NetworkLayer().NetworkFlow().Src().String())
			if from.Unmap() != source.Addr() {
				t.Errorf("%v: source %v", test, from)
			}
		}
	}
}
