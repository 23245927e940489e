package wire

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"example.com/uft/internal/ranges"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

type frameCase struct {
	frame  Frame
	bytes  []byte
	string string
}

// frameCases holds every frame once: its bytes, its fields, its trace line.
var frameCases = []frameCase{
	{Frame{Type: FramePing}, []byte{0x01}, "PING"},
	{
		Frame{Type: FrameAck, Ack: Ack{
			PathID: 0, Largest: 300, Delay: 25 * time.Millisecond, ReceiveTime: 70_000,
			CE: 1, SocketDrops: 2, Backlog: 3,
			Ranges: ranges.Set{{Start: 0, End: 4}, {Start: 7, End: 301}},
		}},
		[]byte{
			0x02,       // type
			0x00,       // path id
			0x41, 0x2c, // largest
			0x80, 0x00, 0x61, 0xa8, // delay
			0x80, 0x01, 0x11, 0x70, // receive time
			0x01,       // ecn ce
			0x02,       // socket drops
			0x03,       // backlog
			0x02,       // range count
			0x41, 0x25, // first length: 7 … 299
			0x02, // gap: 4, 5, 6
			0x03, // length: 0 … 3
		},
		"ACK path=0 received=[0,4) [7,301) delay=25ms at=70000µs ce=1 drops=2 backlog=3",
	},
	{
		Frame{Type: FrameAckBitmap, Ack: Ack{
			Largest: 16, Delay: 5 * time.Microsecond, ReceiveTime: 9,
			Ranges: ranges.Set{
				{Start: 0, End: 1},
				{Start: 3, End: 4},
				{Start: 6, End: 7},
				{Start: 9, End: 10},
				{Start: 12, End: 13},
				{Start: 14, End: 17},
			},
		}},
		[]byte{
			0x03,             // type
			0x00,             // path id
			0x10,             // largest
			0x05,             // delay
			0x09,             // receive time
			0x00, 0x00, 0x00, // ecn ce, socket drops, backlog
			0x02,       // bitmap length
			0b01001011, // bit 0 is 15, bit 1 is 14, bit 3 is 12, bit 6 is 9
			0b10010010, // bit 1 is 6, bit 4 is 3, bit 7 is 0
		},
		"ACK path=0 received=[0,1) [3,4) [6,7) [9,10) [12,13) [14,17) delay=5µs at=9µs",
	},
	{
		Frame{Type: FrameCrypto, Crypto: Crypto{Offset: 64, Data: []byte("hello")}},
		[]byte{0x04, 0x40, 0x40 /* offset */, 0x05 /* length */, 'h', 'e', 'l', 'l', 'o'},
		"CRYPTO offset=64 length=5",
	},
	{
		Frame{Type: FrameStream, Stream: Stream{ID: 4, Offset: 1, Data: []byte("ab")}},
		[]byte{0x08, 0x04 /* id */, 0x01 /* offset */, 0x02 /* length */, 'a', 'b'},
		"STREAM id=4 offset=1 length=2",
	},
	{
		Frame{Type: FrameStreamFin, Stream: Stream{ID: 4, Offset: 3, Fin: true}},
		[]byte{0x09, 0x04 /* id */, 0x03 /* offset */, 0x00 /* length */},
		"STREAM id=4 offset=3 length=0 fin",
	},
	{
		Frame{Type: FrameResetStream, ResetStream: ResetStream{ID: 1, Code: 2, FinalSize: 3}},
		[]byte{0x0a, 0x01 /* id */, 0x02 /* code */, 0x03 /* final size */},
		"RESET_STREAM id=1 code=2 size=3",
	},
	{
		Frame{Type: FrameStopSending, StopSending: StopSending{ID: 1, Code: 2}},
		[]byte{0x0b, 0x01 /* id */, 0x02 /* code */},
		"STOP_SENDING id=1 code=2",
	},
	{
		Frame{Type: FrameMaxData, MaxData: MaxData{Limit: 1 << 20}},
		[]byte{0x0c, 0x80, 0x10, 0x00, 0x00 /* limit */},
		"MAX_DATA limit=1048576",
	},
	{
		Frame{Type: FrameMaxStreamData, MaxStreamData: MaxStreamData{ID: 4, Limit: 100}},
		[]byte{0x0d, 0x04 /* id */, 0x40, 0x64 /* limit */},
		"MAX_STREAM_DATA id=4 limit=100",
	},
	{
		Frame{Type: FrameMaxStreams, MaxStreams: MaxStreams{Count: 16}},
		[]byte{0x0e, 0x10 /* count */},
		"MAX_STREAMS count=16",
	},
	{
		Frame{Type: FrameData, Data: Data{Transfer: 0x102, Offset: 1 << 40, Bytes: []byte("xyz")}},
		[]byte{
			0x10,       // type
			0x01, 0x02, // transfer
			0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, // offset
			'x', 'y', 'z',
		},
		"DATA transfer=258 offset=1099511627776 length=3",
	},
	{
		Frame{Type: FrameDataKeep, Data: Data{Transfer: 1, Offset: 1024, Bytes: []byte("xyz"), Keep: true}},
		[]byte{0x14, 0, 1 /* transfer */, 0, 0, 0, 0, 0, 0, 4, 0 /* offset */, 'x', 'y', 'z'},
		"DATA transfer=1 offset=1024 length=3 keep",
	},
	{
		Frame{Type: FrameParity, Parity: Parity{Transfer: 1, First: 0x102, Stride: 3, Count: 128, Index: 127, Share: []byte("xyz")}},
		[]byte{0x1d, 0, 1 /* transfer */, 0, 0, 0, 1, 2 /* first */, 3 /* stride */, 128 /* count */, 127 /* index */, 'x', 'y', 'z'},
		"PARITY transfer=1 first=258 stride=3 count=128 index=127 length=3",
	},
	{
		Frame{Type: FrameBulkHave, BulkHave: BulkHave{Transfer: 1, Ranges: ranges.Set{{Start: 64, End: 70}, {Start: 71, End: 72}}}},
		[]byte{0x1e, 0, 1 /* transfer */, 2 /* range count */, 0x40, 0x40 /* gap */, 6 /* length */, 1 /* gap */, 1 /* length */},
		"BULK_HAVE transfer=1 ranges=[64,70) [71,72)",
	},
	{
		Frame{Type: FrameBulkEnd, BulkEnd: BulkEnd{Transfer: 1, Size: MaxVarint}},
		[]byte{0x11, 0x00, 0x01 /* transfer */, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff /* size */},
		"BULK_END transfer=1 size=4611686018427387903",
	},
	{
		Frame{Type: FrameResetBulk, ResetBulk: ResetBulk{Transfer: 1, Code: 2, Sent: 3}},
		[]byte{0x12, 0x00, 0x01 /* transfer */, 0x02 /* code */, 0x03 /* final offset */},
		"RESET_BULK transfer=1 code=2 sent=3",
	},
	{
		Frame{Type: FrameStopBulk, StopBulk: StopBulk{Transfer: 0xffff, Code: 2}},
		[]byte{0x13, 0xff, 0xff /* transfer */, 0x02 /* code */},
		"STOP_BULK transfer=65535 code=2",
	},
	{
		Frame{Type: FrameMaxBulkData, MaxBulkData: MaxBulkData{Limit: 64}},
		[]byte{0x15, 0x40, 0x40 /* limit */},
		"MAX_BULK_DATA limit=64",
	},
	{
		Frame{Type: FramePathChallenge, PathChallenge: PathChallenge{Data: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}}},
		[]byte{0x16, 1, 2, 3, 4, 5, 6, 7, 8},
		"PATH_CHALLENGE data=0102030405060708",
	},
	{
		Frame{Type: FramePathResponse, PathResponse: PathResponse{Data: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}}},
		[]byte{0x17, 1, 2, 3, 4, 5, 6, 7, 8},
		"PATH_RESPONSE data=0102030405060708",
	},
	{
		Frame{Type: FrameConnectionClose, ConnectionClose: ConnectionClose{
			Code: uint64(CodeFlowControl), Frame: uint64(FrameData), Reason: "too\nmuch",
		}},
		[]byte{0x18, 0x03 /* code */, 0x10 /* frame */, 0x08 /* length */, 't', 'o', 'o', '\n', 'm', 'u', 'c', 'h'},
		`CONNECTION_CLOSE code=FLOW_CONTROL_ERROR frame=DATA reason="too\nmuch"`,
	},
	{
		Frame{Type: FrameApplicationClose, ApplicationClose: ApplicationClose{Code: 0, Reason: "bye"}},
		[]byte{0x19, 0x00 /* code */, 0x03 /* length */, 'b', 'y', 'e'},
		`APPLICATION_CLOSE code=0 reason="bye"`,
	},
	{Frame{Type: FrameHandshakeDone}, []byte{0x1a}, "HANDSHAKE_DONE"},
	{
		Frame{Type: FrameNewToken, NewToken: NewToken{Token: []byte{9, 8}}},
		[]byte{0x1b, 0x02 /* length */, 9, 8},
		"NEW_TOKEN length=2",
	},
	{Frame{Type: FrameImmediateAck}, []byte{0x1c}, "IMMEDIATE_ACK"},
	{
		Frame{Type: FrameExtension, Extension: Extension{Type: 0x1234, Data: []byte{1, 2, 3}}},
		[]byte{0x52, 0x34 /* type */, 0x03 /* length */, 1, 2, 3},
		"EXTENSION(0x1234) length=3",
	},
}

// sameFrame fails the test unless the two hold the same frame.
func sameFrame(t *testing.T, got, want *Frame) {
	t.Helper()
	if got.Type != want.Type {
		t.Fatalf("got a frame %v, want %v", got.Type, want.Type)
	}
	if diff := cmp.Diff(want.content(), got.content(), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%v (-want +got):\n%s", want.Type, diff)
	}
}

// parseOne parses a packet that holds one frame.
func parseOne(payload []byte) (*Frame, error) {
	p := NewParser(payload, PacketShort)
	f := new(Frame)
	ok, err := p.Next(f)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("no frame")
	}
	if ok, err := p.Next(new(Frame)); ok || err != nil {
		return nil, errors.New("more than one frame")
	}
	return f, nil
}

func TestFrames(t *testing.T) {
	for _, tt := range frameCases {
		t.Run(tt.frame.Type.String(), func(t *testing.T) {
			if got := tt.frame.Append([]byte{0xaa}); !bytes.Equal(got, append([]byte{0xaa}, tt.bytes...)) {
				t.Errorf("appended % x\n    want aa % x", got, tt.bytes)
			}
			if content := tt.frame.content(); content != nil && content.Len() != len(tt.bytes) {
				t.Errorf("Len() = %d, want %d", content.Len(), len(tt.bytes))
			}
			if got := tt.frame.String(); got != tt.string {
				t.Errorf("String() = %s\n       want %s", got, tt.string)
			}
			got, err := parseOne(tt.bytes)
			if err != nil {
				t.Fatal(err)
			}
			sameFrame(t, got, &tt.frame)
		})
	}
}

func TestFramesCoverEveryType(t *testing.T) {
	covered := map[FrameType]bool{FramePadding: true}
	for _, tt := range frameCases {
		covered[tt.frame.Type] = true
	}
	for ft := FrameType(0); ft < FrameExtension; ft++ {
		if ft.known() && !covered[ft] {
			t.Errorf("frameCases lacks %v", ft)
		}
	}
}

func TestFrameTruncations(t *testing.T) {
	for _, tt := range frameCases {
		for n := range len(tt.bytes) {
			got, err := parseOne(tt.bytes[:n])
			if toTheEnd(tt.frame.Type) && n > DataHeader {
				// The frame reaches to the end of the packet, wherever that is.
				if err != nil || got.content().Len() != n {
					t.Errorf("%v cut to %d bytes: %v, %v", tt.frame.Type, n, got, err)
				}
				continue
			}
			want := CodeFrameEncoding
			if n == 0 {
				want = CodeProtocolViolation
			}
			wantCode(t, err, want)
		}
	}
}

// toTheEnd reports whether frames of a type have no length and end the packet.
func toTheEnd(t FrameType) bool { return t == FrameData || t == FrameDataKeep || t == FrameParity }

func wantCode(t *testing.T, err error, want ErrorCode) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != want {
		t.Errorf("got error %v, want code %v", err, want)
	}
}

func TestAckEliciting(t *testing.T) {
	silent := map[FrameType]bool{
		FrameAck: true, FrameAckBitmap: true, FrameConnectionClose: true, FrameApplicationClose: true,
	}
	for _, tt := range frameCases {
		if got := tt.frame.Type.AckEliciting(); got == silent[tt.frame.Type] {
			t.Errorf("%v.AckEliciting() = %v", tt.frame.Type, got)
		}
	}
	if FramePadding.AckEliciting() {
		t.Error("PADDING is ack-eliciting")
	}
}

func TestDataHeaderLength(t *testing.T) {
	if n := len((Data{Transfer: 1, Offset: MaxVarint}).Append(nil)); n != DataHeader {
		t.Errorf("a DATA frame begins with %d bytes, want %d", n, DataHeader)
	}
	if LargestDatagram != 65487 || LargestBlock != 65447 || LargestReceivable != 65527 {
		t.Errorf("datagrams up to %d bytes sent and %d received, blocks up to %d", LargestDatagram, LargestReceivable, LargestBlock)
	}
	if ParityHeader != DataHeader || len((Parity{Transfer: 1, First: MaxParityBlock - 1, Stride: 1, Count: 1}).Append(nil)) != ParityHeader {
		t.Error("a PARITY frame does not begin like a DATA frame")
	}
	if FullDataDatagram != 1064 || ShortHeaderLen != 13 || DataHeader != 11 || MinStatelessReset != 37 {
		t.Error("a size of docs/protocol.md §3 has changed")
	}
}

// TestConsumeOnly: the short way to the DATA frame of a packet agrees with the
// Parser on every payload, wrong ones included.
func TestConsumeOnly(t *testing.T) {
	payloads := [][]byte{
		nil,
		{byte(FrameData)},
		{byte(FramePing)},
		append([]byte{byte(FramePing)}, Data{Transfer: 1, Bytes: []byte("x")}.Append(nil)...),
		Data{Transfer: 1, Offset: 7}.Append(nil), // no bytes
		Data{Transfer: 0xffff, Offset: 1 << 40, Bytes: make([]byte, BlockSize)}.Append(nil),
		Data{Transfer: 3, Offset: MaxVarint - 1, Bytes: []byte("x")}.Append(nil),
		Data{Transfer: 3, Offset: MaxVarint, Bytes: []byte("x")}.Append(nil),
		Data{Transfer: 3, Offset: 1<<64 - 1, Bytes: []byte("xyz")}.Append(nil),
		Data{Transfer: 3, Offset: 1024, Bytes: []byte("xyz"), Keep: true}.Append(nil),
		{0x40, byte(FrameData), 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 'x'}, // a type in a longer form
	}
	for _, payload := range payloads {
		var short Data
		var frame Frame
		parser := NewParser(payload, PacketShort)
		ok, err := parser.Next(&frame)
		whole := ok && err == nil && (frame.Type == FrameData || frame.Type == FrameDataKeep) && payload[0] == byte(frame.Type)
		if got := short.ConsumeOnly(payload); got != whole {
			t.Errorf("% x: %v, the parser says %v (%v)", payload[:min(len(payload), 16)], got, whole, err)
		} else if got && (short.Transfer != frame.Data.Transfer || short.Offset != frame.Data.Offset ||
			short.Keep != frame.Data.Keep || !bytes.Equal(short.Bytes, frame.Data.Bytes)) {
			t.Errorf("%+v, the parser says %+v", short, frame.Data)
		}
	}
}
