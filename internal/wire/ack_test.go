package wire

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"example.com/uft/internal/ranges"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// genAck draws acknowledgements of all kinds: few packets and many, runs of one
// and of thousands, near zero and near the largest packet number.
func genAck(t *rapid.T) Ack {
	small := rapid.Uint64Range(1, 3)
	size := rapid.OneOf(small, rapid.Uint64Range(1, 100), rapid.Uint64Range(1, 1<<20))
	if rapid.Bool().Draw(t, "lossy") {
		size = small
	}
	counter := rapid.OneOf(rapid.Just(uint64(0)), rapid.Uint64Range(0, MaxVarint))
	// Built from the oldest range upwards.
	var a Ack
	next := rapid.OneOf(rapid.Just(uint64(0)), rapid.Uint64Range(0, 1<<40), rapid.Just(uint64(MaxVarint-1<<32))).Draw(t, "oldest")
	for range rapid.IntRange(1, 600).Draw(t, "ranges") {
		end := next + size.Draw(t, "length")
		a.Ranges = append(a.Ranges, ranges.Range{Start: next, End: end})
		next = end + size.Draw(t, "gap")
	}
	a.Largest = a.Ranges[len(a.Ranges)-1].End - 1
	a.PathID = rapid.Uint64Range(0, 3).Draw(t, "path")
	a.Delay = time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "delay")) * time.Microsecond
	a.ReceiveTime = counter.Draw(t, "receive time")
	a.CE = counter.Draw(t, "ce")
	a.SocketDrops = counter.Draw(t, "drops")
	a.Backlog = counter.Draw(t, "backlog")
	return a
}

// bodyLengths is the length of the last fields of an ACK for the newest count
// ranges, in both forms, worked out from the text of §4.1 packet by packet. It
// is the judge of AppendAck's choice. A form that cannot be is -1.
func bodyLengths(s ranges.Set, count int) (list, bitmap int) {
	s = s[len(s)-count:]
	list = len(AppendVarint(nil, uint64(count)))
	for i, r := range s {
		list += len(AppendVarint(nil, r.End-r.Start-1))
		if i > 0 {
			list += len(AppendVarint(nil, r.Start-s[i-1].End-1))
		}
	}
	lowest, largest := s[0].Start, s[len(s)-1].End-1
	n := (largest - lowest) / 8
	if (largest-lowest)%8 != 0 {
		n++
	}
	if n > 1100 {
		return list, -1
	}
	return list, len(AppendVarint(nil, n)) + int(n)
}

func TestAppendAckProperties(t *testing.T) {
	forms := map[FrameType]int{}
	rapid.Check(t, func(t *rapid.T) {
		a := genAck(t)
		limit := rapid.OneOf(rapid.IntRange(0, 100), rapid.IntRange(0, 1400), rapid.Just(1<<20)).Draw(t, "limit")
		got := AppendAck([]byte{0xaa}, a, limit)[1:]
		if len(got) > limit {
			t.Fatalf("%d bytes appended, limit %d", len(got), limit)
		}

		list, bitmap := bodyLengths(a.Ranges, 1)
		head := len(Ack{
			PathID: a.PathID, Largest: a.Largest, Delay: a.Delay, ReceiveTime: a.ReceiveTime,
			CE: a.CE, SocketDrops: a.SocketDrops, Backlog: a.Backlog,
			Ranges: ranges.Set{{Start: a.Largest, End: a.Largest + 1}},
		}.Append(nil)) - 1 // a lone packet: an empty bitmap
		fits := func(n int) bool { return n >= 0 && head+n <= limit }
		count, want := 0, 0
		for count < len(a.Ranges) && (fits(list) || fits(bitmap)) {
			count++
			switch {
			case fits(list) && fits(bitmap):
				want = head + min(list, bitmap)
			case fits(list):
				want = head + list
			default:
				want = head + bitmap
			}
			if count < len(a.Ranges) {
				list, bitmap = bodyLengths(a.Ranges, count+1)
			}
		}
		if len(got) != want {
			t.Fatalf("%d bytes appended, want %d for %d of %d ranges", len(got), want, count, len(a.Ranges))
		}
		if count == 0 {
			return
		}
		f, err := parseOne(got)
		if err != nil {
			t.Fatal(err)
		}
		forms[f.Type]++
		a.Ranges = slices.Clone(a.Ranges[len(a.Ranges)-count:])
		if diff := cmp.Diff(a, f.Ack); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if limit == 1<<20 && a.Len() != len(got) {
			t.Fatalf("Len() = %d, appended %d", a.Len(), len(got))
		}
	})
	if forms[FrameAck] == 0 || forms[FrameAckBitmap] == 0 {
		t.Errorf("both forms should have been tried: %v", forms)
	}
}

func TestAppendAckOfNothing(t *testing.T) {
	if got := AppendAck([]byte{1}, Ack{}, 1000); len(got) != 1 {
		t.Errorf("an ACK without ranges was appended as % x", got)
	}
	if n := (Ack{}).Len(); n != 0 {
		t.Errorf("its Len() is %d", n)
	}
}

// TestAckOfLossyPath shows what the bitmap is for: at 30 % loss it holds the
// history in less than half of what a list of ranges takes.
func TestAckOfLossyPath(t *testing.T) {
	var a Ack
	random := rand.New(rand.NewPCG(1, 2))
	for number := range uint64(5000) {
		if random.Float64() >= 0.3 {
			a.Ranges.Add(number, number+1)
		}
	}
	a.Largest, _ = a.Ranges.Max()
	got := a.Append(nil)
	list, _ := bodyLengths(a.Ranges, len(a.Ranges))
	if FrameType(got[0]) != FrameAckBitmap || 2*len(got) > list {
		t.Errorf("%d bytes of type %v; the list alone would take %d", len(got), FrameType(got[0]), list)
	}
}
