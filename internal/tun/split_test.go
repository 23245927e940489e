package tun

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// A flow makes the packets of one connection, with correct checksums.
type flow struct {
	t        *testing.T
	six, udp bool
	options  bool // of IPv4
	flags    byte // of TCP
	id       uint16
	sequence uint32
}

func (f flow) packet(payload []byte) []byte {
	f.t.Helper()
	four := &layers.IPv4{
		Version: 4, TTL: 64, Id: f.id, Flags: layers.IPv4DontFragment, Protocol: layers.IPProtocolTCP,
		SrcIP: []byte{10, 0, 0, 1}, DstIP: []byte{10, 0, 0, 2},
	}
	if f.options {
		four.Options = []layers.IPv4Option{{OptionType: 1}, {OptionType: 1}, {OptionType: 1}, {OptionType: 1}}
	}
	six := &layers.IPv6{
		Version: 6, HopLimit: 64, FlowLabel: 77, NextHeader: layers.IPProtocolTCP,
		SrcIP: bytes.Repeat([]byte{1}, 16), DstIP: bytes.Repeat([]byte{2}, 16),
	}
	tcp := &layers.TCP{
		SrcPort: 1000, DstPort: 2000, Seq: f.sequence, Ack: 99, Window: 500,
		ACK: f.flags&flagACK != 0, PSH: f.flags&flagPSH != 0, FIN: f.flags&flagFIN != 0, CWR: f.flags&flagCWR != 0,
		Options: []layers.TCPOption{{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: []byte("timestam")}},
	}
	udp := &layers.UDP{SrcPort: 1000, DstPort: 2000}
	var ip, transport gopacket.SerializableLayer = four, tcp
	var network gopacket.NetworkLayer = four
	if f.six {
		ip, network = six, six
	}
	if f.udp {
		transport, four.Protocol, six.NextHeader = udp, layers.IPProtocolUDP, layers.IPProtocolUDP
	}
	if err := errors.Join(tcp.SetNetworkLayerForChecksum(network), udp.SetNetworkLayerForChecksum(network)); err != nil {
		f.t.Fatal(err)
	}
	buffer := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buffer, options, ip, transport, gopacket.Payload(payload)); err != nil {
		f.t.Fatal(err)
	}
	return buffer.Bytes()
}

// packets cuts a payload as a sender does without offload.
func (f flow) packets(payload []byte, size int) (all [][]byte) {
	next := f
	for offset := 0; offset < len(payload); offset += size {
		next.flags = f.flags
		if offset+size < len(payload) {
			next.flags &^= flagPSH | flagFIN
		}
		if offset > 0 {
			next.flags &^= flagCWR
		}
		all = append(all, next.packet(payload[offset:min(offset+size, len(payload))]))
		next.sequence += uint32(size)
		next.id++
	}
	return all
}

func flows(t *testing.T) map[string]flow {
	return map[string]flow{
		"TCP over IPv4":              {t: t, flags: flagACK | flagPSH, id: 0xfffe, sequence: 0xfffffff0},
		"TCP over IPv6":              {t: t, six: true, flags: flagACK | flagPSH, sequence: 7},
		"end of TCP":                 {t: t, flags: flagACK | flagFIN | flagPSH | flagCWR},
		"TCP over IPv4 with options": {t: t, options: true, flags: flagACK},
		"UDP over IPv4":              {t: t, udp: true},
		"UDP over IPv6":              {t: t, six: true, udp: true},
	}
}

// whole is what the kernel hands over for a payload sent in parts of size.
func (f flow) whole(payload []byte, size int) (header, []byte) {
	p := f.packet(payload)
	l, ok := layoutOf(p)
	if !ok {
		f.t.Fatal("the test makes a packet without a layout")
	}
	h := header{flags: needsChecksum, offload: offloadTCPv4, segment: uint16(size), checksumStart: uint16(l.transport)}
	if f.udp {
		h.offload = offloadUDP
	}
	p[l.checksum()]++ // the kernel has not computed it
	return h, p
}

func bytesOf(n int) []byte {
	p := make([]byte, n)
	random := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range p {
		p[i] = byte(random.Uint32())
	}
	return p
}

func splitAll(t *testing.T, h header, p []byte) (all [][]byte) {
	t.Helper()
	err := split(h, p, make([]byte, maxJoined), func(q []byte) { all = append(all, bytes.Clone(q)) })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func equal(t *testing.T, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("packet %d:\n%x, want\n%x", i, got[i], want[i])
		}
	}
}

func TestSplitIsWhatTheSenderMeant(t *testing.T) {
	for name, f := range flows(t) {
		for _, test := range []struct{ bytes, size int }{{1, 1000}, {1000, 1000}, {1001, 1000}, {60_000, 1448}, {2896, 1448}} {
			payload := bytesOf(test.bytes)
			h, p := f.whole(payload, test.size)
			t.Run(fmt.Sprint(name, " ", test), func(t *testing.T) {
				equal(t, splitAll(t, h, p), f.packets(payload, test.size))
			})
		}
	}
}

func TestSplitComputesAChecksumThatIsMissing(t *testing.T) {
	for name, f := range flows(t) {
		want := f.packet(bytesOf(333))
		p := bytes.Clone(want)
		l, _ := layoutOf(p)
		binary.BigEndian.PutUint16(p[l.checksum():], pseudoSum(l.addresses(p), l.protocol, len(p)-l.transport))
		h := header{flags: needsChecksum, checksumStart: uint16(l.transport), checksumOffset: uint16(l.checksum() - l.transport)}
		t.Run(name, func(t *testing.T) { equal(t, splitAll(t, h, p), [][]byte{want}) })
	}
	p := []byte("anything")
	equal(t, splitAll(t, header{}, p), [][]byte{p})
}

func TestSplitRefuses(t *testing.T) {
	p := flow{t: t, flags: flagACK}.packet(bytesOf(100))
	for _, h := range []header{
		{offload: offloadTCPv4},
		{flags: needsChecksum, checksumStart: uint16(len(p)), checksumOffset: 0},
		{flags: needsChecksum, checksumStart: 0xffff, checksumOffset: 0xffff},
	} {
		if err := split(h, p, make([]byte, maxJoined), func([]byte) { t.Error("visited") }); !errors.Is(err, ErrNotSplit) {
			t.Errorf("%+v: %v", h, err)
		}
	}
}

// join runs packets through a joiner and returns what it hands over.
func join(packets [][]byte) (all [][]byte) {
	j := joiner{udp: true}
	for _, p := range packets {
		if !j.add(p) {
			if j.parts > 0 {
				all = append(all, bytes.Clone(j.end()))
			}
			j.begin(p)
		}
	}
	return append(all, bytes.Clone(j.end()))
}

func TestJoinedPacketsSplitAgain(t *testing.T) {
	for name, f := range flows(t) {
		for _, n := range []int{1, 1448, 1449, 20_000} {
			packets := f.packets(bytesOf(n), 1448)
			t.Run(fmt.Sprint(name, " ", n), func(t *testing.T) {
				handed := join(packets)
				if f.flags&(flagFIN|flagCWR) == 0 && len(handed) != 1 {
					t.Errorf("%d packets are handed over in %d pieces", len(packets), len(handed))
				}
				var again [][]byte
				for _, b := range handed {
					again = append(again, splitAll(t, parseHeader(b), b[headerLength:])...)
				}
				equal(t, again, packets)
			})
		}
	}
}

func TestJoinKeepsApartWhatIsNotOne(t *testing.T) {
	f := flow{t: t, flags: flagACK, id: 5}
	first := f.packets(bytesOf(3000), 1000)
	change := func(p []byte, offset int, fix bool) []byte {
		p = bytes.Clone(p)
		p[offset] ^= 0x40
		if l, ok := layoutOf(p); ok && fix {
			l.setLength(p, len(p))
			l.setChecksum(p)
		}
		return p
	}
	for name, second := range map[string][]byte{
		"repeated":               first[0],
		"one left out":           first[2],
		"shorter came before":    nil, // made below
		"type of service":        change(first[1], 1, true),
		"identification damaged": change(first[1], 4, false),
		"hop limit":              change(first[1], 8, true),
		"address":                change(first[1], 15, true),
		"port":                   change(first[1], 21, true),
		"acknowledgement":        change(first[1], 31, true),
		"flags":                  change(first[1], 33, true),
		"window":                 change(first[1], 35, true),
		"option":                 change(first[1], 45, true),
		"damaged":                change(first[1], 500, false),
		"no IP":                  []byte("no IP"),
		"cut off":                first[1][:30],
	} {
		packets := [][]byte{first[0], second}
		if second == nil {
			short := f.packets(bytesOf(500), 500)[0]
			f.sequence += 500
			packets = [][]byte{short, f.packet(bytesOf(501))}
		}
		handed := join(packets)
		if len(handed) != 2 {
			t.Errorf("%s: handed over in %d pieces, want 2", name, len(handed))
			continue
		}
		for i, b := range handed {
			if !bytes.Equal(b[:headerLength], make([]byte, headerLength)) || !bytes.Equal(b[headerLength:], packets[i]) {
				t.Errorf("%s: packet %d is changed", name, i)
			}
		}
	}
}

func TestJoinedIsNoLongerThanAPacket(t *testing.T) {
	f := flow{t: t, flags: flagACK}
	for _, b := range join(f.packets(bytesOf(200_000), 1448)) {
		if n := len(b) - headerLength; n > maxJoined {
			t.Errorf("%d bytes", n)
		}
	}
}

func TestSumIsThatOfWords(t *testing.T) {
	slow := func(p []byte) uint16 {
		total := 0
		for i, b := range p {
			if i%2 == 0 {
				total += int(b) << 8
			} else {
				total += int(b)
			}
		}
		for total > 0xffff {
			total = total>>16 + total&0xffff
		}
		return uint16(total)
	}
	for n := range 300 {
		for _, p := range [][]byte{bytesOf(n), bytes.Repeat([]byte{0xff}, n)} {
			if got, want := sum(0, p), slow(p); got != want {
				t.Fatalf("%d bytes: %04x, want %04x", n, got, want)
			}
		}
	}
}

// FuzzJoin: whatever the packets are, what is handed over stands for the same.
func FuzzJoin(f *testing.F) {
	one := flow{t: new(testing.T), flags: flagACK}.packets(bytesOf(300), 100)
	f.Add(one[0], one[1])
	f.Add([]byte{0x45}, []byte{0x60})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a)+len(b) > maxJoined {
			return
		}
		var again [][]byte
		for _, handed := range join([][]byte{a, b}) {
			again = append(again, splitAll(t, parseHeader(handed), handed[headerLength:])...)
		}
		if len(again) != 2 || !bytes.Equal(again[0], a) || len(again[1]) != len(b) {
			t.Fatalf("%x and %x became %x", a, b, again)
		}
		// Joined, the second loses its own identification of IPv4, which says
		// nothing where packets are not fragments, and so its checksum.
		if l, ok := layoutOf(b); ok && !bytes.Equal(again[1][l.transport:], b[l.transport:]) {
			t.Fatalf("%x became %x", b, again[1])
		}
	})
}
