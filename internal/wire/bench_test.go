package wire

import "testing"

// ackOf returns an acknowledgement of 4096 packets of which one in gap is
// missing; 0: none is.
func ackOf(gap uint64) Ack {
	const packets = 4096
	a := Ack{Largest: 1_000_000 + packets - 1, ReceiveTime: 5_000_000, Backlog: 1 << 20}
	for n := uint64(0); n < packets; n++ {
		if gap == 0 || n%gap != 1 {
			a.Ranges.Add(1_000_000+n, 1_000_000+n+1)
		}
	}
	return a
}

// acks are the acknowledgements of the benchmarks. The first two travel as
// ranges, the last as a bitmap.
var acks = []struct {
	name   string
	ack    Ack
	bitmap bool
}{
	{"clean", ackOf(0), false},
	{"ranges", ackOf(500), false},
	{"bitmap", ackOf(5), true},
}

func BenchmarkAppendAck(b *testing.B) {
	for _, test := range acks {
		b.Run(test.name, func(b *testing.B) {
			out := make([]byte, 0, MaxDatagram)
			b.ReportAllocs()
			for b.Loop() {
				out = AppendAck(out[:0], test.ack, MaxDatagram)
			}
			if bitmap := FrameType(out[0]) == FrameAckBitmap; bitmap != test.bitmap {
				b.Fatalf("as a bitmap: %v", bitmap)
			}
			b.SetBytes(int64(len(out)))
		})
	}
}

func BenchmarkParseAck(b *testing.B) {
	for _, test := range acks {
		b.Run(test.name, func(b *testing.B) { benchmarkParse(b, AppendAck(nil, test.ack, MaxDatagram)) })
	}
}

func BenchmarkAppendData(b *testing.B) {
	block, out := make([]byte, BlockSize), make([]byte, 0, MaxDatagram)
	b.SetBytes(DataHeader + BlockSize)
	b.ReportAllocs()
	for b.Loop() {
		out = Data{Transfer: 1, Offset: 1 << 30, Bytes: block}.Append(out[:0])
	}
}

func BenchmarkParseData(b *testing.B) {
	benchmarkParse(b, Data{Transfer: 1, Offset: 1 << 30, Bytes: make([]byte, BlockSize)}.Append(nil))
}

// benchmarkParse measures the parser with a payload of one frame.
func benchmarkParse(b *testing.B, payload []byte) {
	var f Frame
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		p := NewParser(payload, PacketShort)
		if ok, err := p.Next(&f); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkAppendShortHeader(b *testing.B) {
	out := make([]byte, 0, ShortHeaderLen)
	h := ShortHeader{Destination: ConnectionID{1, 2, 3, 4, 5, 6, 7, 8}, PacketNumber: 1_000_000}
	b.SetBytes(ShortHeaderLen)
	b.ReportAllocs()
	for b.Loop() {
		out = AppendShortHeader(out[:0], h)
	}
}

func BenchmarkConsumeShortHeader(b *testing.B) {
	packet := AppendShortHeader(nil, ShortHeader{Destination: ConnectionID{1, 2, 3, 4, 5, 6, 7, 8}, PacketNumber: 1_000_000})
	packet = append(packet, make([]byte, BlockSize)...)
	b.SetBytes(ShortHeaderLen)
	b.ReportAllocs()
	for b.Loop() {
		h, err := ConsumeShortHeader(packet)
		if err != nil || DecodePacketNumber(1_000_000, uint32(h.PacketNumber)) != 1_000_000 {
			b.Fatal(h, err)
		}
	}
}
