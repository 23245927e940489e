package recovery

import (
	"testing"
	"unsafe"

	"example.com/uft/internal/instant"
)

// TestRecordIsSmall: a window of 64 MiB is 65,536 records.
func TestRecordIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(record{}); n > 16 {
		t.Errorf("a packet takes %d bytes", n)
	}
}

// TestPacketsOfOneMoment: packets that are sent at the same time and do not look
// alike are given back as they were.
func TestPacketsOfOneMoment(t *testing.T) {
	now := instant.Time(5)
	data := func(transfer uint16, offset uint64, length uint16, size int) Packet {
		return Packet{SentAt: now, Kind: Data, Transfer: transfer, Offset: offset, Length: length, Size: size, AckEliciting: true, InFlight: true}
	}
	const far = 1<<62 - 1024
	want := []Packet{
		{SentAt: now, Size: 77, AckEliciting: true, Log: 1<<32 - 1},
		data(1, 1024, 1024, 1064),
		data(1, 2048, 1024, 1064),
		data(1, 0, 1024, 1064),      // a repeat of earlier bytes
		data(1, far, 1024, 1064),    // far beyond
		data(2, far, 1024, 1064),    // another file
		data(2, far+10, 1, 41),      // shorter
		data(2, far+11, 1000, 1064), // with a longer header
		{SentAt: now, Size: 30},
		data(2, far+11, 1000, 1064),
		data(2, 1<<32, 1024, 1064),
		data(2, 0, 1024, 1064),
		data(2, 1<<32-1, 1024, 1064),
		data(2, 1<<32, 1024, 1064),
	}
	var h history
	for i := range want {
		want[i].Number = uint64(3 * i)
		h.push(want[i], train{sentAt: now})
	}
	for _, p := range want {
		if got := h.packet(p.Number, h.at(p.Number)); got != p {
			t.Errorf("got  %+v\nwant %+v", got, p)
		}
	}
	if n := h.nextTrain; n > 9 {
		t.Errorf("%d packets are in %d trains", len(want), n)
	}
}
