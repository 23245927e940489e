package medium

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// packetOf returns an IP packet with correct checksums.
func packetOf(t *testing.T, ip gopacket.SerializableLayer) []byte {
	t.Helper()
	buffer := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buffer, options, ip, gopacket.Payload("payload")); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func TestMarkCongestionIPv4(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		header := layers.IPv4{
			Version: 4, TTL: 64, Protocol: 17, TOS: uint8(random.Uint32()), Id: uint16(random.Uint32()),
			SrcIP: []byte{10, 0, 0, byte(random.Uint32())}, DstIP: []byte{10, 0, 1, byte(random.Uint32())},
		}
		p := packetOf(t, &header)
		if got, want := isMarkable(p), header.TOS&3 != 0; got != want {
			t.Fatalf("TOS %08b: markable %v", header.TOS, got)
		}
		markCongestion(p)
		// The checksum must be what it is when it is computed anew.
		header.TOS |= 3
		if want := packetOf(t, &header); !bytes.Equal(p, want) {
			t.Fatalf("marked:\n%x, want\n%x", p, want)
		}
	}
}

func TestMarkCongestionIPv6(t *testing.T) {
	for class := range 256 {
		header := layers.IPv6{
			Version: 6, TrafficClass: uint8(class), FlowLabel: 0xabcde, NextHeader: 17, HopLimit: 64,
			SrcIP: bytes.Repeat([]byte{1}, 16), DstIP: bytes.Repeat([]byte{2}, 16),
		}
		p := packetOf(t, &header)
		if got, want := isMarkable(p), class&3 != 0; got != want {
			t.Fatalf("class %08b: markable %v", class, got)
		}
		markCongestion(p)
		header.TrafficClass |= 3
		if want := packetOf(t, &header); !bytes.Equal(p, want) {
			t.Fatalf("marked:\n%x, want\n%x", p, want)
		}
	}
}

func TestMarkCongestionLeavesOthersAlone(t *testing.T) {
	for _, p := range [][]byte{nil, {0x45}, bytes.Repeat([]byte{0x45}, 19), bytes.Repeat([]byte{0x6f}, 39), bytes.Repeat([]byte{0x55}, 60)} {
		before := bytes.Clone(p)
		markCongestion(p)
		if isMarkable(before) || !bytes.Equal(p, before) {
			t.Errorf("%x became %x", before, p)
		}
	}
}
