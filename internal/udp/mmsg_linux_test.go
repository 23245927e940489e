package udp

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sent is a datagram, or a train that the kernel joined, as recvmmsg returns it.
type sent struct {
	bytes, segmentSize int // segmentSize 0: a datagram
	remote, local      netip.AddrPort
	ecn                byte
}

// batchOf makes of messages what one recvmmsg would have made of them.
func batchOf(messages ...sent) *arrivals {
	batch := arrivalSpace.Get().(*arrivals)
	batch.next, batch.count = 0, len(messages)
	for i, m := range messages {
		copy(batch.space[i][:m.bytes], bytes.Repeat([]byte{byte(i)}, m.bytes))
		control := batch.control[i][:0]
		var data []byte
		if m.segmentSize > 0 {
			control, data = appendMessage(control, unix.SOL_UDP, unix.UDP_GRO, 2)
			data[0], data[1] = byte(m.segmentSize), byte(m.segmentSize) // in both byte orders
		}
		if m.local.IsValid() {
			control = appendSendControl(control, 0, m.local.Addr(), false)
		}
		control, data = appendMessage(control, unix.SOL_IP, unix.IP_TOS, 1)
		data[0] = m.ecn
		header := &batch.messages[i].header
		batch.messages[i].length = uint32(m.bytes)
		header.Flags = 0
		header.Namelen = batch.from[i].put(m.remote, false)
		header.SetControllen(len(control))
	}
	return batch
}

// TestBatchesBecomeTrains: what may be one train is, and nothing else.
func TestBatchesBecomeTrains(t *testing.T) {
	here, there := netip.MustParseAddrPort("192.0.2.9:9"), netip.MustParseAddrPort("192.0.2.10:9")
	const joined = 0x0101 // the same in both byte orders
	type trains [][]byte  // the messages in each, by number
	for _, test := range []struct {
		name     string
		messages []sent
		room     int
		want     trains
	}{
		{"equal ones", []sent{{10, 0, alice, here, 0}, {10, 0, alice, here, 0}, {10, 0, alice, here, 0}}, MaxTrain, trains{{0, 1, 2}}},
		{
			"a shorter one ends a train",
			[]sent{{20, 0, alice, here, 0}, {20, 0, alice, here, 0}, {5, 0, alice, here, 0}, {5, 0, alice, here, 0}},
			MaxTrain,
			trains{{0, 1, 2}, {3}},
		},
		{"a longer one begins a train", []sent{{10, 0, alice, here, 0}, {20, 0, alice, here, 0}}, MaxTrain, trains{{0}, {1}}},
		{"other senders", []sent{{10, 0, alice, here, 0}, {10, 0, bob, here, 0}, {10, 0, alice, here, 0}}, MaxTrain, trains{{0}, {1}, {2}}},
		{"another address of ours", []sent{{10, 0, alice, here, 0}, {10, 0, alice, there, 0}}, MaxTrain, trains{{0}, {1}}},
		{"congestion experienced", []sent{{10, 0, alice, here, 2}, {10, 0, alice, here, 3}, {10, 0, alice, here, 3}}, MaxTrain, trains{{0}, {1, 2}}},
		{
			"trains of the kernel among datagrams",
			[]sent{{joined, 0, alice, here, 0}, {2*joined + 1, joined, alice, here, 0}, {joined, 0, alice, here, 0}},
			MaxTrain,
			trains{{0}, {1}, {2}},
		},
		{"no more than there is room for", []sent{{10, 0, alice, here, 0}, {10, 0, alice, here, 0}, {10, 0, alice, here, 0}}, 29, trains{{0, 1}, {2}}},
		{"too long at all", []sent{{31, 0, alice, here, 0}, {10, 0, alice, here, 0}, {31, 0, alice, here, 0}}, 30, trains{nil, {1}, nil}},
		{"empty ones", []sent{{0, 0, alice, here, 0}, {0, 0, alice, here, 0}, {10, 0, alice, here, 0}, {0, 0, alice, here, 0}}, MaxTrain, trains{{0}, {1}, {2}, {3}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &conn{bell: new(doorbell), local: netip.MustParseAddrPort("0.0.0.0:9")}
			c.reader.held = batchOf(test.messages...)
			buf := make([]byte, test.room)
			for i, messages := range test.want {
				if c.reader.held == nil {
					t.Fatalf("%d trains, want %d", i, len(test.want))
				}
				got, ok := c.nextHeld(buf)
				if ok != (messages != nil) {
					t.Fatalf("train %d: ok is %v", i, ok)
				}
				if !ok {
					continue
				}
				var want []byte
				for _, number := range messages {
					want = append(want, bytes.Repeat([]byte{number}, test.messages[number].bytes)...)
				}
				first := test.messages[messages[0]]
				size := first.bytes
				if first.segmentSize > 0 {
					size = first.segmentSize
				}
				if !bytes.Equal(got.bytes, want) || got.segmentSize != size ||
					got.remote != first.remote || got.local != first.local || got.ecn != first.ecn {
					t.Errorf("train %d: %+v, want messages %v", i, got, messages)
				}
			}
			if c.reader.held != nil {
				t.Error("something is still held in the end")
			}
		})
	}
}

// TestCloseForgetsWhatIsHeld: after Close no train comes, not even one that was
// received before.
func TestCloseForgetsWhatIsHeld(t *testing.T) {
	c := offload.open(t, "127.0.0.1:0").(*conn)
	c.reader.held = batchOf(sent{10, 0, alice, c.local, 0}, sent{20, 0, alice, c.local, 0})
	buf := make([]byte, MaxTrain)
	if n, _, _, _, _, err := c.ReadTrain(buf); n != 10 || err != nil {
		t.Errorf("%d bytes, error %v; want the first datagram", n, err)
	}
	c.Close()
	for range 2 {
		if n, _, _, _, _, err := c.ReadTrain(buf); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%d bytes, error %v after Close", n, err)
		}
	}
}

// TestReaderTurnsToBatchesAndBack: many single datagrams are read several at a
// time, and the first train has the reader take trains again.
func TestReaderTurnsToBatchesAndBack(t *testing.T) {
	a, b := offload.open(t, "127.0.0.1:0").(*conn), offload.open(t, "127.0.0.1:0").(*conn)
	if !a.segmentation || b.reader.patience == 0 {
		t.Skip("this kernel has no offload for UDP")
	}
	write := func(bytes int) {
		if err := a.WriteTrain(train(bytes), 100, b.local, netip.AddrPort{}); err != nil {
			t.Fatal(err)
		}
		receive(t, b, bytes, 100)
	}
	write(1000)
	if b.reader.alone >= b.reader.patience {
		t.Error("trains are read in batches")
	}
	for range batchAfter {
		write(100)
	}
	if b.reader.alone < b.reader.patience {
		t.Error("single datagrams are not read in batches")
	}
	write(1000)
	if b.reader.alone >= b.reader.patience {
		t.Error("a train did not end the batches")
	}
}

func TestSocketAddresses(t *testing.T) {
	for _, test := range []struct {
		remote string
		ipv6   bool
		want   string // "": cannot be sent to
	}{
		{"192.0.2.1:443", false, "192.0.2.1:443"},
		{"[::ffff:192.0.2.1]:443", false, "192.0.2.1:443"},
		{"192.0.2.1:443", true, "192.0.2.1:443"},
		{"[2001:db8::1]:65535", true, "[2001:db8::1]:65535"},
		{"[2001:db8::1]:1", false, ""},
	} {
		var a socketAddress
		size := a.put(netip.MustParseAddrPort(test.remote), test.ipv6)
		if test.want == "" {
			if size != 0 {
				t.Errorf("%s has an address of %d bytes", test.remote, size)
			}
			continue
		}
		if got, scope := a.addrPort(); got.String() != test.want || scope != 0 {
			t.Errorf("%s: %v on %d", test.remote, got, scope)
		}
	}
	var a socketAddress
	if size := a.put(netip.AddrPort{}, true); size != 0 {
		t.Errorf("no address has %d bytes", size)
	}
	if got, _ := new(socketAddress).addrPort(); got.IsValid() {
		t.Errorf("an address of no family is %v", got)
	}
}

// TestMessageLayout: an array of messages is one of struct mmsghdr, whose size
// is a multiple of what its pointers need.
func TestMessageLayout(t *testing.T) {
	size, header := unsafe.Sizeof(message{}), unsafe.Sizeof(unix.Msghdr{})
	pointer := unsafe.Sizeof(uintptr(0))
	if want := (header + 4 + pointer - 1) / pointer * pointer; size != want {
		t.Errorf("%d bytes, want %d", size, want)
	}
	if unsafe.Offsetof(message{}.length) != header {
		t.Error("the length does not follow the header")
	}
}

func TestWrongIPVersionIsAnError(t *testing.T) {
	inEachMode(t, func(t *testing.T, m mode) {
		c := m.open(t, "127.0.0.1:0")
		if err := c.WriteTrain(train(3000), 1000, netip.MustParseAddrPort("[::1]:9"), netip.AddrPort{}); err == nil || isClosed(err) {
			t.Errorf("an IPv4 socket sent to IPv6: %v", err)
		}
	})
}
