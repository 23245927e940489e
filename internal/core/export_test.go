package core

import (
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/wire"
)

// Transfers returns how many outgoing and incoming transfers are remembered.
func (c *Conn) Transfers() (out, in int) { return len(c.bulkOut.byID), len(c.bulkIn.byID) }

// OpenStreams returns how many streams are remembered.
func (c *Conn) OpenStreams() int { return len(c.streams.order) }

// UnusedCredit returns what the peer may still send, for streams and transfers.
func (c *Conn) UnusedCredit() (data, bulk uint64) {
	d, b := &c.streams.credit, &c.bulkIn.credit
	return d.limit - d.received, b.limit - b.received
}

// Waiting returns how many packets wait for their keys.
func (c *Conn) Waiting() int { return len(c.waiting) }

// Logs returns how many packets' frames are remembered.
func (c *Conn) Logs() int { return len(c.logs.logs) - len(c.logs.free) }

// ForgeApplication seals frames in the next Application packet of this side,
// as an attacker would who has its keys. The packet enters no account.
func (c *Conn) ForgeApplication(frames []byte) []byte {
	s := &c.spaces[recovery.Application]
	pn := s.next
	s.next++
	b := wire.AppendShortHeader(nil, wire.ShortHeader{KeyPhase: c.phase.current, Destination: c.remoteID, PacketNumber: pn})
	header := len(b)
	return s.write.Seal(b, b[:header:header], frames, 0, pn)
}

// ForgeLong does the same for an Initial or Handshake packet.
func (c *Conn) ForgeLong(t wire.PacketType, frames []byte) []byte {
	sp := recovery.Initial
	if t == wire.PacketHandshake {
		sp = recovery.Handshake
	}
	s := &c.spaces[sp]
	pn := s.next
	s.next++
	b, lengthAt := wire.AppendLongHeader(nil, wire.LongHeader{
		Type: t, Version: wire.Version1, Destination: c.remoteID, Source: c.localID, PacketNumber: pn,
	})
	header := len(b)
	wire.SetLength(b, lengthAt, 4+len(frames)+wire.TagLen)
	return s.write.Seal(b, b[:header:header], frames, 0, pn)
}

// NextPacketNumber returns the number of the next Application packet.
func (c *Conn) NextPacketNumber() uint64 { return c.spaces[recovery.Application].next }

// RepairHeld returns how many bytes are kept for repair, and how many groups of
// how many transfers they belong to.
func (c *Conn) RepairHeld() (bytes, groups, transfers int) {
	r := &c.bulkIn.repair
	for _, k := range r.transfers {
		groups += len(k.groups)
	}
	return r.used, groups, len(r.transfers)
}

// Keeping reports whether the peer is asked to keep what is sent now.
func (c *Conn) Keeping() bool { return c.repairOut.keeping }

// Kept returns how many bytes the peer is relied upon to keep.
func (c *Conn) Kept() uint64 { return c.repairOut.keptBytes }

// BulkWindow returns the window of the credit for transfers.
func (c *Conn) BulkWindow() uint64 { return c.bulkIn.credit.window }
