package congestion

import (
	"math"
	"time"

	"example.com/uft/internal/instant"
)

// fixed sends at the rate its user promised the path can bear, and takes no
// notice of loss or delay.
type fixed struct {
	rate   int64 // bytes per second
	minRTT time.Duration
}

// NewFixed returns the controller behind `-b`: a constant gross rate in bits
// per second, 28 or 48 bytes of IP and UDP header counted with each datagram,
// and no window. RFC 8085 section 3.1 asks for congestion control on shared
// paths; the circuit breaker that limits the harm watches from above.
func NewFixed(bitsPerSecond int64) Controller {
	return &fixed{rate: max(1, bitsPerSecond/8)}
}

func (f *fixed) OnSent(instant.Time, int, int)     {}
func (f *fixed) OnAck(_ instant.Time, s AckSample) { f.minRTT = s.MinRTT }
func (f *fixed) OnSpuriousLoss(instant.Time, int)  {}
func (f *fixed) OnPersistentTimeout(instant.Time)  {}
func (f *fixed) Window() int                       { return math.MaxInt }
func (f *fixed) PacingRate() int64                 { return f.rate }
func (f *fixed) State() State {
	return State{
		Name:       "fixed",
		Phase:      "steady",
		Bandwidth:  f.rate,
		MinRTT:     f.minRTT,
		Window:     math.MaxInt,
		PacingRate: f.rate,
	}
}
