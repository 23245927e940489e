package congestion

import (
	"time"

	"example.com/uft/internal/instant"
)

// fixed sends at the rate its user promised the path can bear, and takes no
// notice of loss. Its window is no congestion window: a path that answers never
// fills it, and one that has fallen silent is not flooded.
type fixed struct {
	rate     int64 // bytes per second
	datagram int   // gross bytes of a full datagram
	least    int   // of the window, bytes
	smoothed time.Duration
	minRTT   time.Duration
}

// The window of a fixed rate (docs/protocol.md §8.3): what leaves in so many
// round trips, and not less than in a time or than a number of datagrams. At
// 30 % loss each way a packet has its fate within two round trips.
const (
	fixedRounds      = 3
	fixedWindowTime  = 250 * time.Millisecond
	minFixedDatagram = 64
)

// NewFixed returns the controller behind `-b`: a constant gross rate in bits
// per second, 28 or 48 bytes of IP and UDP header counted with each datagram.
// Datagram is the gross size of a full one in bytes, and smoothed the round
// trip as far as it is known. RFC 8085 section 3.1 asks for congestion control
// on shared paths; the circuit breaker that limits the harm watches from above.
func NewFixed(bitsPerSecond int64, datagram int, smoothed time.Duration) Controller {
	return &fixed{rate: max(1, bitsPerSecond/8), datagram: datagram, least: minFixedDatagram * datagram, smoothed: smoothed}
}

func (f *fixed) OnSent(instant.Time, int, int) {}
func (f *fixed) OnAck(_ instant.Time, s AckSample) {
	f.smoothed, f.minRTT = s.SmoothedRTT, s.MinRTT
}
func (f *fixed) OnSpuriousLoss(instant.Time, int) {}
func (f *fixed) OnPersistentTimeout(instant.Time) {}
func (f *fixed) SetDatagram(bytes int)            { f.datagram = bytes }

func (f *fixed) Window() int {
	return max(over(f.rate, max(fixedRounds*f.smoothed, fixedWindowTime)), f.least, minWindow*f.datagram)
}

func (f *fixed) Train() bool       { return false }
func (f *fixed) PacingRate() int64 { return f.rate }
func (f *fixed) State() State {
	return State{
		Name:       "fixed",
		Phase:      "steady",
		Bandwidth:  f.rate,
		MinRTT:     f.minRTT,
		Window:     f.Window(),
		PacingRate: f.rate,
	}
}
