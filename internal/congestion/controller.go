// Package congestion decides how fast and how much a connection may send on
// one path: the controllers behind the Controller interface, and the Pacer
// that spreads what a controller permits over time.
//
// Everything here is pure. A controller learns of sent packets, of
// acknowledgements and of losses through method calls that carry the time,
// and answers with two numbers: a window in bytes and a rate in bytes per
// second. It sends nothing, keeps no timer and knows no packet numbers.
//
// All byte counts of this package are gross: the IP and UDP headers are
// counted with each datagram, because it is those bytes that a link carries
// and that `-b` promises (docs/protocol.md §8).
package congestion

import (
	"time"

	"example.com/uft/internal/instant"
)

// A Controller decides how fast and how much may be sent on one path. It is
// not safe for use by several goroutines at once.
type Controller interface {
	// OnSent reports that bytes left for the path at now; inflight is the
	// number of bytes in flight including them.
	OnSent(now instant.Time, bytes, inflight int)
	// OnAck reports one acknowledgement, or losses found by a timer.
	OnAck(now instant.Time, s AckSample)
	// OnSpuriousLoss takes back an earlier loss of that many bytes: the
	// packets had only been late.
	OnSpuriousLoss(now instant.Time, bytes int)
	// OnPersistentTimeout reports that several probe timeouts have passed in
	// a row without any acknowledgement: the path may be gone.
	OnPersistentTimeout(now instant.Time)
	// SetDatagram tells the gross size of a full datagram, in bytes, which has
	// become another one.
	SetDatagram(bytes int)
	// Window returns how many bytes may be in flight.
	Window() int
	// PacingRate returns the rate at which to send, in bytes per second;
	// zero means unpaced.
	PacingRate() int64
	// Train reports, once each time, that what is sent next is to leave as one
	// train, whose dispersion tells the capacity of the path.
	Train() bool
	// State describes the controller for traces and summaries.
	State() State
}

// An AckSample is what one acknowledgement, or one expiry of the loss timer,
// tells a controller. Package recovery computes it.
type AckSample struct {
	AckedBytes     int           // newly delivered, packets declared lost too early included
	OvertakenBytes int           // of AckedBytes, those that came after packets that were sent later
	LostBytes      int           // newly declared lost
	Inflight       int           // still in flight, after both
	PriorInflight  int           // in flight before both
	RTT            time.Duration // the newest round-trip sample, acknowledgement delay included; 0 if there is none
	AckDelay       time.Duration // of that packet, by which it counts too much for the path alone
	MinRTT         time.Duration // the lowest sample so far; 0 before the first
	SmoothedRTT    time.Duration // RFC 9002 section 5.3
	RTTVar         time.Duration // mean deviation of the samples, likewise
	DeliveryRate   int64         // bytes per second that the path delivered; 0 if not measurable
	ArrivalRate    int64         // bytes per second at which packets came of late, by the receiver's clock; 0 if not measurable
	Dispersion     int64         // gross bytes per second at which the bottleneck spaced packets out; 0 if it did not
	AppLimited     bool          // DeliveryRate is low because there was nothing to send
	RoundStart     bool          // a packet sent after the last round began has been acknowledged
	AckInterval    time.Duration // smoothed time between acknowledgements that brought news
	CE             uint64        // packets newly reported as marked by ECN
	SocketDrops    uint64        // packets newly reported as dropped by the receiver's own socket
}

// State describes a controller at one moment.
type State struct {
	Name       string        // "bbr", "fixed" or "background"
	Phase      string        // what the controller is doing, in one word
	Bandwidth  int64         // delivered bytes per second that it believes in
	MinRTT     time.Duration // round trip without queue that it believes in
	LossRate   float64       // share of packets lost whatever our rate, 0 to 1
	Settled    bool          // Bandwidth was found, and is not only what was reached so far
	Congested  bool          // the last round showed signs of congestion
	Window     int           // bytes
	PacingRate int64         // bytes per second
}
