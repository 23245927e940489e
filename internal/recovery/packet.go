// Package recovery keeps account of what was sent and of what was received on
// one connection: round-trip times, loss detection, probe timeouts and the
// delivery rate on the sending side (Recovery), duplicates and the timing of
// acknowledgements on the receiving side (Received).
//
// It is pure and calls nobody. Packets, acknowledgements and timer expiries
// go in; the fates of packets come out (Fates). What to do about them, such
// as to send the information of a lost packet again under a fresh number, is
// the caller's business.
//
// The sources are RFC 9002 (the three packet-number spaces, the round-trip
// estimate, the probe timeout), RFC 8985 (RACK: loss by time, an adaptive
// reordering window, undo) and draft-cheng-iccrg-delivery-rate-estimation.
package recovery

import (
	"time"

	"example.com/uft/internal/congestion"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/ranges"
)

// Space is a packet-number space (RFC 9000 section 12.3).
type Space uint8

// The packet-number spaces, in the order in which a connection uses them.
const (
	Initial Space = iota
	Handshake
	Application
	spaces = 3
)

// String returns the name of the space in lower case.
func (s Space) String() string {
	return [...]string{"initial", "handshake", "application"}[s]
}

// Kind tells the two sorts of packets apart.
type Kind uint8

const (
	// Control packets carry frames that the caller has noted in a log.
	Control Kind = iota
	// Data packets carry one piece of a file.
	Data
)

// A Packet is what the sender must know of a packet that it sent.
type Packet struct {
	Number uint64
	SentAt instant.Time
	Size   int // bytes of UDP payload
	// AckEliciting packets oblige the peer to acknowledge. InFlight packets
	// count against the window. Padding makes a packet the second but not the
	// first; acknowledgements alone make it neither.
	AckEliciting, InFlight bool
	Copy                   bool // a probe or a repeat of information that is still outstanding
	Kind                   Kind

	// Transfer, Offset and Length say which bytes of which file a Data packet
	// carries.
	Transfer uint16
	Length   uint16
	Offset   uint64

	// Log is, for a Control packet, the caller's index of the frames in it;
	// 0 means that there is nothing to look up.
	Log uint32
}

// An Ack is an acknowledgement as received, for one space.
type Ack struct {
	Largest uint64        // the largest packet number acknowledged
	Delay   time.Duration // how long the peer held the acknowledgement of Largest
	Ranges  ranges.Set    // everything acknowledged; the last range ends with Largest

	// ReceiveTime is when Largest came, on the peer's clock; 0 if unknown.
	ReceiveTime time.Duration

	// CE and SocketDrops are the peer's counters since the connection began:
	// packets marked by ECN, and packets its own socket dropped.
	CE, SocketDrops uint64
}

// A Run is packets with consecutive numbers that left in one train, are alike and
// met the same fate. Its Data packets have the same length and follow each other in
// the file, so that a train takes one step wherever each of its packets would.
type Run struct {
	Packet     // the first
	Count  int // of packets; more than one only of Data packets
}

// Last returns the number of the last packet.
func (r *Run) Last() uint64 { return r.Number + uint64(r.Count) - 1 }

// FileBytes returns how many bytes of the file, from Offset on, the packets carry.
func (r *Run) FileBytes() uint64 { return uint64(r.Count) * uint64(r.Length) }

// Fates tells what became of packets. Its slices are used again by the next
// call that is given the same Fates.
type Fates struct {
	Acked    []Run    // newly acknowledged
	Lost     []Packet // newly declared lost: send their information again
	Spurious []Packet // acknowledged after having been declared lost
	Sample   congestion.AckSample
}

// reset empties f and keeps its memory.
func (f *Fates) reset() {
	f.Acked, f.Lost, f.Spurious = f.Acked[:0], f.Lost[:0], f.Spurious[:0]
	f.Sample = congestion.AckSample{}
}
