package recovery

import (
	"slices"
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
		if !h.joins(&want[i]) {
			h.begin(train{sentAt: now}, &want[i])
		}
		h.push(&want[i])
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

// TestRun: packets of a train that follow each other in number and file meet
// their fate together, and nothing else does.
func TestRun(t *testing.T) {
	s := newScript(t, Config{})
	send := func(offset uint64, length uint16, size int) {
		s.OnSent(Application, &Packet{
			Number: s.next[Application], SentAt: s.now, Size: size, AckEliciting: true, InFlight: true,
			Kind: Data, Transfer: 7, Offset: offset, Length: length,
		}, false)
		s.next[Application]++
	}
	for i := range uint64(4) { // numbers 0 to 3
		send(1024*i, 1024, 1064)
	}
	send(9<<10, 1024, 1064) // 4: elsewhere in the file
	send(10<<10, 500, 540)  // 5: shorter
	s.next[Application]++   // 6 is left out
	send(20<<10, 1024, 1064)
	send(21<<10, 1024, 1064) // 8
	s.advance(ms)
	send(22<<10, 1024, 1064) // 9: another train

	s.ack(Application, 1, 6, 7, 10)
	type run struct{ first, count, offset, bytes uint64 }
	var got []run
	for _, r := range s.fates.Acked {
		got = append(got, run{r.Number, uint64(r.Count), r.Offset, r.FileBytes()})
	}
	want := []run{
		{7, 2, 20 << 10, 2048},
		{9, 1, 22 << 10, 1024},
		{1, 3, 1024, 3072},
		{4, 1, 9 << 10, 1024},
		{5, 1, 10 << 10, 500},
	}
	if !slices.Equal(got, want) {
		t.Errorf("runs %v, want %v", got, want)
	}
	s.ack(Application, 0, 6, 7, 10)
	s.wantAcked(0)
	if n := s.Inflight(); n != 0 {
		t.Errorf("%d bytes in flight, all are acknowledged", n)
	}
}
