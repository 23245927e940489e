package xfer

import (
	"fmt"

	"example.com/uft/internal/wire"
)

// MessageType is the type of a control message (docs/protocol.md §10.1).
type MessageType uint64

// The message types of this version.
const (
	TypeHello   MessageType = 0x01
	TypeOffer   MessageType = 0x02
	TypeRequest MessageType = 0x03
	TypeAccept  MessageType = 0x04
	TypeHeld    MessageType = 0x05
	TypeRefuse  MessageType = 0x06
	TypeChunk   MessageType = 0x07
	TypeEnd     MessageType = 0x08
	TypeDone    MessageType = 0x09
	TypeError   MessageType = 0x0a
	TypeStatus  MessageType = 0x0b
)

// firstExtension is the first type, and the first field id, that a reader who
// does not know it skips.
const firstExtension = 0x40

// Limits of docs/protocol.md §10.1. maxEntries follows from the 16 bits of a
// transfer id.
const (
	MaxBody    = 1 << 20 // bytes of a message's body
	MaxText    = 1024    // bytes of a text
	maxEntries = 1 << 16 // entries of an offer
	maxMode    = 0o777   // the nine permission bits
	kindFile   = 0       // the only kind of entry
	hashBLAKE3 = 1       // the only hash
)

// Mode says what kind of program a peer is (docs/protocol.md §10.5).
type Mode uint64

// The modes of HELLO.
const (
	ModeService  Mode = 0
	ModeOneWay   Mode = 1
	ModeBothWays Mode = 2
)

// The abilities of HELLO.
const (
	AbilityWrites uint64 = 1 << 0 // writes files that are offered
	AbilitySends  uint64 = 1 << 1 // sends files that are asked for
)

// The activities of STATUS.
const (
	ActivityReading uint64 = 1 // reads what it holds
	ActivitySyncing uint64 = 2 // waits for the disk
)

// flagSame is bit 0 of DONE's flags: the very same file was there.
const flagSame = 1

// A Message is one control message: *Hello, *Offer, *Request, *Accept, *Held,
// *Refuse, *Chunk, *End, *Done, *Error or *Status.
type Message interface {
	// Type returns the type that stands on the wire.
	Type() MessageType

	appendBody(b []byte) []byte
	parse(f *fields)
}

// Hello is the first message of each side.
type Hello struct {
	Mode      Mode
	Program   string // name and version, for people; may be empty
	Abilities uint64
}

// Offer announces files whose bytes follow.
type Offer struct {
	ID      [16]byte
	Answers *uint64 // the request that it answers; nil where it is none
	Entries []Entry
}

// Entry is one file of an Offer.
type Entry struct {
	Transfer uint16
	Kind     uint64 // 0: a regular file
	Name     string
	Size     *uint64 // bytes; nil where the sender does not know yet
	ModTime  *int64  // nanoseconds since 1970
	Mode     *uint16 // the nine permission bits
	Hash     uint64  // 1: the hashes of §10.2
}

// Request asks for a file.
type Request struct {
	ID     uint64
	Name   string
	Rate   uint64  // gross, in bit/s; 0: the sender finds the rate
	Target *string // reserved: a third host
	// Background asks for a sender that yields to all others on the path.
	Background bool
}

// Accept says that the receiver takes the file.
type Accept struct{ Transfer uint16 }

// Held tells the hashes of chunks that the receiver has.
type Held struct {
	Transfer uint16
	First    uint64 // index of the first chunk
	Hashes   []Hash
}

// Refuse answers an Offer or a Request with no.
type Refuse struct {
	Transfer *uint16 // either this
	Request  *uint64 // or this
	Code     Code
	Text     string
}

// Chunk tells the hash of a chunk that was read.
type Chunk struct {
	Transfer uint16
	Index    uint64
	Hash     Hash
}

// End says that the whole file was read.
type End struct {
	Transfer uint16
	Size     uint64
	Root     Hash
}

// Done says that the file is committed.
type Done struct {
	Transfer uint16
	Root     Hash
	Same     bool // the very same file was there, nothing was written
}

// Error ends a transfer that cannot succeed.
type Error struct {
	Transfer uint16
	Code     Code
	Text     string
}

// Status says that the receiver is at work.
type Status struct {
	Transfer uint16
	Activity uint64
	Bytes    uint64
}

// Type returns TypeHello.
func (*Hello) Type() MessageType { return TypeHello }

// Type returns TypeOffer.
func (*Offer) Type() MessageType { return TypeOffer }

// Type returns TypeRequest.
func (*Request) Type() MessageType { return TypeRequest }

// Type returns TypeAccept.
func (*Accept) Type() MessageType { return TypeAccept }

// Type returns TypeHeld.
func (*Held) Type() MessageType { return TypeHeld }

// Type returns TypeRefuse.
func (*Refuse) Type() MessageType { return TypeRefuse }

// Type returns TypeChunk.
func (*Chunk) Type() MessageType { return TypeChunk }

// Type returns TypeEnd.
func (*End) Type() MessageType { return TypeEnd }

// Type returns TypeDone.
func (*Done) Type() MessageType { return TypeDone }

// Type returns TypeError.
func (*Error) Type() MessageType { return TypeError }

// Type returns TypeStatus.
func (*Status) Type() MessageType { return TypeStatus }

var typeNames = [...]string{
	TypeHello: "HELLO", TypeOffer: "OFFER", TypeRequest: "REQUEST", TypeAccept: "ACCEPT",
	TypeHeld: "HELD", TypeRefuse: "REFUSE", TypeChunk: "CHUNK", TypeEnd: "END",
	TypeDone: "DONE", TypeError: "ERROR", TypeStatus: "STATUS",
}

// String returns the name that docs/protocol.md §10.1 gives the type.
func (t MessageType) String() string {
	if t > 0 && t < MessageType(len(typeNames)) {
		return typeNames[t]
	}
	return fmt.Sprintf("MESSAGE(0x%x)", uint64(t))
}

// Append appends a message as it stands on the stream.
func Append(b []byte, m Message) []byte {
	return wire.AppendMessage(b, uint64(m.Type()), m.appendBody(nil))
}

// newMessage returns an empty message of a type, nil for an unknown one.
func newMessage(t MessageType) Message {
	switch t {
	case TypeHello:
		return new(Hello)
	case TypeOffer:
		return new(Offer)
	case TypeRequest:
		return new(Request)
	case TypeAccept:
		return new(Accept)
	case TypeHeld:
		return new(Held)
	case TypeRefuse:
		return new(Refuse)
	case TypeChunk:
		return new(Chunk)
	case TypeEnd:
		return new(End)
	case TypeDone:
		return new(Done)
	case TypeError:
		return new(Error)
	case TypeStatus:
		return new(Status)
	}
	return nil
}

// Parse reads the body of a message. The message is nil where the type is an
// extension, which is skipped. Every error is a *ProtocolError.
func Parse(t MessageType, body []byte) (Message, error) {
	if t >= firstExtension {
		return nil, nil
	}
	m := newMessage(t)
	if m == nil {
		return nil, broken("message of the unknown type 0x%x", uint64(t))
	}
	f := fields{rest: body}
	m.parse(&f)
	if f.problem != "" {
		return nil, broken("%v: %s", t, f.problem)
	}
	return m, nil
}
