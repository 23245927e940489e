package core_test

import (
	"errors"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/parity"
	"example.com/uft/internal/ranges"
	"example.com/uft/internal/sim"
	"example.com/uft/internal/wire"
)

// TestMaliciousRepair forges packets with the client's keys, each of which must
// end the server's connection with the error that the specification names.
func TestMaliciousRepair(t *testing.T) {
	share := make([]byte, 1024)
	for _, attack := range []struct {
		name   string
		frames [][]byte // payloads, one packet each
		code   wire.ErrorCode
	}{
		{"group beyond the end", [][]byte{
			wire.BulkEnd{Transfer: 1, Size: 1024}.Append(nil),
			wire.Parity{Transfer: 1, Stride: 1, Count: 2, Share: share}.Append(nil),
		}, wire.CodeFinalSizeError},
		{"end before the group", [][]byte{
			wire.Parity{Transfer: 1, First: 7, Stride: 1, Count: 1, Share: share}.Append(nil),
			wire.BulkEnd{Transfer: 1, Size: 1024}.Append(nil),
		}, wire.CodeFinalSizeError},
		{"share shorter than a block", [][]byte{
			wire.Parity{Transfer: 1, Stride: 1, Count: 1, Share: share[1:]}.Append(nil),
		}, wire.CodeProtocolViolation},
		{"repair beyond the credit", [][]byte{
			wire.BulkEnd{Transfer: 1, Size: 1 << 40}.Append(nil),
			wire.Data{Transfer: 2, Bytes: sim.FileBytes(core.Client, 2, 0, 1024)}.Append(nil),
			wire.Parity{Transfer: 1, Stride: 1, Count: 1, Share: sim.FileBytes(core.Client, 1, 0, wire.MinBulkCredit)}.Append(nil),
		}, wire.CodeFlowControl},
		{"has what was never opened", [][]byte{wire.BulkHave{Transfer: 9}.Append(nil)}, wire.CodeStateError},
		{"has what was never sent", [][]byte{
			wire.BulkHave{Transfer: 0, Ranges: ranges.Set{{Start: 0, End: 5000}}}.Append(nil),
		}, wire.CodeProtocolViolation},
		{"has all of what is not ended", [][]byte{wire.BulkHave{Transfer: 0}.Append(nil)}, wire.CodeProtocolViolation},
	} {
		t.Run(attack.name, func(t *testing.T) {
			cfg := network(t, "delay=5ms")
			cfg.Server = func(c *core.Config) { c.BulkWindow, c.MaxBulkWindow = wire.MinBulkCredit, wire.MinBulkCredit }
			w := newWorld(t, cfg)
			client, server := w.connect(sim.DialOptions{})
			id, err := server.Conn.OpenBulk() // of which 4096 bytes are sent
			w.check(err)
			server.Conn.ExtendBulk(id, 4096)
			server.Hold = true
			w.sleep(time.Second)
			for _, frames := range attack.frames {
				w.forge(client, frames)
			}
			err = w.closedWith(time.Second, server)
			var local *core.LocalError
			if !errors.As(err, &local) || local.Code != attack.code {
				t.Errorf("closed with %v, want %v", err, attack.code)
			}
		})
	}
}

// deafClient keeps from the client what it would take for an answer to packets
// that it did not send.
func deafClient(d sim.Direction, _ int, _ []byte) bool { return d == sim.Up }

// TestRepairMemoryUnderAttack has a client spread kept bytes and shares so that
// they take as much memory as possible, for transfers that never end.
func TestRepairMemoryUnderAttack(t *testing.T) {
	const limit = 1 << 20
	cfg := network(t, "delay=5ms")
	cfg.Server = func(c *core.Config) { c.RepairMemory = limit }
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	w.Filter = deafClient
	inject := func(frame []byte) { w.forge(client, frame) }
	for i := range uint64(4000) {
		offset, n := i<<20, 1
		if i%2 == 0 {
			offset = i * 16 << 10
		}
		inject(wire.Data{
			Transfer: uint16(i % 50), Offset: offset, Bytes: sim.FileBytes(core.Client, uint16(i%50), offset, n), Keep: true,
		}.Append(nil))
		inject(wire.Parity{
			Transfer: uint16(i % 50), First: i << 10, Stride: 1, Count: 200, Index: uint8(i % 50), Share: make([]byte, 1024+i%100),
		}.Append(nil))
		inject(wire.Parity{Transfer: 60, First: i, Stride: 1, Count: 1, Share: make([]byte, 1024)}.Append(nil))
		if i%100 == 99 {
			w.sleep(time.Millisecond)
			if held, _, _ := server.Conn.RepairHeld(); held > limit {
				t.Fatalf("%d bytes are kept, with a limit of %d", held, limit)
			}
		}
	}
	held, groups, transfers := server.Conn.RepairHeld()
	t.Logf("%d bytes, %d groups of %d transfers", held, groups, transfers)
	if server.Closed != nil || held < limit/2 {
		t.Errorf("%d bytes are kept; closed: %v", held, server.Closed)
	}
}

// handFed returns a server with a client that hears nothing, and what has the
// server receive a frame from it.
func handFed(t *testing.T) (server *sim.Peer, inject func(frame []byte)) {
	t.Helper()
	w := newWorld(t, network(t, "delay=5ms"))
	client, server := w.connect(sim.DialOptions{})
	w.Filter = deafClient
	return server, func(frame []byte) {
		w.forge(client, frame)
		w.sleep(time.Millisecond)
	}
}

// TestRepairByHand sends a group by hand: two blocks, the second of them short
// and lost, and one share twice. The simulator checks the bytes.
func TestRepairByHand(t *testing.T) {
	server, inject := handFed(t)
	const size = 1500
	file := sim.FileBytes(core.Client, 0, 0, size)
	padded := append(append([]byte(nil), file[1024:]...), make([]byte, 2048-size)...)
	shares, err := parity.Encode([][]byte{file[:1024], padded}, 3)
	if err != nil {
		t.Fatal(err)
	}
	group := wire.Parity{Stride: 1, Count: 2, Index: 2, Share: shares[2]}
	inject(wire.Data{Bytes: file[:1024], Keep: true}.Append(nil))
	inject(group.Append(nil))
	if n, _ := server.Received(0); n != 1024 {
		t.Errorf("%d bytes before the size is known", n)
	}
	inject(wire.BulkEnd{Size: size}.Append(nil))
	if n, done := server.Received(0); !done {
		t.Errorf("%d bytes with one share", n)
	}
	group.Index, group.Share = 0, make([]byte, 1024) // is not looked at any more
	inject(group.Append(nil))
	if n := stats(server).BytesRepaired; n != size-1024 || server.Closed != nil {
		t.Errorf("%d bytes repaired; closed: %v", n, server.Closed)
	}
}

// TestRepairByLateBlock has the last block that a group needs come in DATA.
func TestRepairByLateBlock(t *testing.T) {
	server, inject := handFed(t)
	file := sim.FileBytes(core.Client, 0, 0, 4096)
	block := func(i int) []byte { return file[1024*i:][:1024] }
	shares, err := parity.Encode([][]byte{block(1), block(3)}, 1)
	if err != nil {
		t.Fatal(err)
	}
	inject(wire.BulkEnd{Size: 4096}.Append(nil))
	inject(wire.Parity{First: 1, Stride: 2, Count: 2, Share: shares[0]}.Append(nil))
	inject(wire.Data{Offset: 2048, Bytes: block(2), Keep: true}.Append(nil))
	inject(wire.Data{Bytes: block(0)}.Append(nil))
	if n, _ := server.Received(0); n != 2048 {
		t.Errorf("%d bytes", n)
	}
	inject(wire.Data{Offset: 3072, Bytes: block(3), Keep: true}.Append(nil))
	if n, done := server.Received(0); !done {
		t.Errorf("%d bytes after the last block", n)
	}
}

// TestBulkHave tells the sender of bytes whose packets all got lost, in pieces
// and then of all: no more of them is sent, and the transfer is delivered.
func TestBulkHave(t *testing.T) {
	w := newWorld(t, network(t, "delay=5ms"))
	client, server := w.connect(sim.DialOptions{})
	w.sleep(time.Second)
	w.Filter = deafClient
	id := w.file(server, 10_000)
	w.sleep(20 * time.Millisecond)
	inject := func(f wire.BulkHave) {
		w.forge(client, f.Append(nil))
		w.sleep(20 * time.Millisecond)
	}
	inject(wire.BulkHave{Transfer: id, Ranges: ranges.Set{{Start: 0, End: 3000}, {Start: 4000, End: 10_000}}})
	if got := server.Conn.BulkSent(id); got.Acked != 9000 || got.LowestUnacked != 3000 {
		t.Errorf("%+v", got)
	}
	if server.Delivered() {
		t.Error("delivered before everything had come")
	}
	inject(wire.BulkHave{Transfer: id})
	if !server.Delivered() || server.Closed != nil {
		t.Errorf("not delivered; closed: %v", server.Closed)
	}
	inject(wire.BulkHave{Transfer: id}) // a late one of a transfer that is forgotten
	if server.Closed != nil {
		t.Errorf("closed: %v", server.Closed)
	}
}

// TestNothingIsKeptOfWhatIsNotWanted stops a transfer of which something is kept.
func TestNothingIsKeptOfWhatIsNotWanted(t *testing.T) {
	server, inject := handFed(t)
	for i := range uint64(3) {
		if held, _, _ := server.Conn.RepairHeld(); held > 0 != (i == 1) {
			t.Errorf("before block %d %d bytes are kept", i, held)
		}
		if i == 1 {
			server.Conn.StopBulk(0, 1)
		}
		block := sim.FileBytes(core.Client, 0, i*1024, 1024)
		inject(wire.Data{Offset: i * 1024, Bytes: block, Keep: true}.Append(nil))
	}
	inject(wire.Parity{Stride: 1, Count: 4, Share: make([]byte, 1024)}.Append(nil))
	if held, _, _ := server.Conn.RepairHeld(); held > 0 {
		t.Errorf("%d bytes are kept", held)
	}
}
