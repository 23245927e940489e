package congestion

import (
	"math"
	"slices"
	"time"

	"example.com/uft/internal/instant"
)

const (
	// The loss is looked at in blocks of at least two rounds, since losses are found
	// later than what was sent beside them is acknowledged, and of enough packets
	// and time for chance not to say much.
	blockRounds  = 2
	blockPackets = 64
	blockTime    = 100 * time.Millisecond

	// floorSlots slots of floorSlot each are remembered: several probing cycles.
	floorSlots = 16
	floorSlot  = 600 * time.Millisecond

	// floorDeviations makes up for taking the least: of sixteen it lies 1.8 standard
	// deviations below the mean.
	floorDeviations = 2.4
)

// A lossFloor bounds the base loss from above, by the least loss that was seen
// lately. Loss that does not depend on the rates never goes away. What a full
// buffer takes does, whenever several of those who share it happen to slow down;
// one of them alone cannot bring that about, so that its own measurements while it
// slows down (baseLoss) tell it little.
type lossFloor struct {
	packets, lost float64 // of the block under way
	rounds        int
	blockAt       instant.Time

	slots  [floorSlots]float64 // the least of each, the newest last
	used   int
	slotAt instant.Time
}

// add takes in a round.
func (f *lossFloor) add(now instant.Time, packets, lost float64) {
	f.packets += packets
	f.lost += lost
	f.rounds++
	if f.packets < blockPackets || f.rounds < blockRounds || now.Sub(f.blockAt) < blockTime {
		return
	}
	bound := mostLoss(f.packets, f.lost, floorDeviations)
	f.packets, f.lost, f.rounds, f.blockAt = 0, 0, 0, now
	if f.used > 0 && now.Sub(f.slotAt) < floorSlot {
		f.slots[f.used-1] = min(f.slots[f.used-1], bound)
		return
	}
	if f.used == len(f.slots) {
		copy(f.slots[:], f.slots[1:])
		f.used--
	}
	f.slots[f.used] = bound
	f.used++
	f.slotAt = now
}

// bound returns the highest base loss that what was seen lately leaves room for.
func (f *lossFloor) bound() float64 {
	if f.used == 0 {
		return 1
	}
	return slices.Min(f.slots[:f.used])
}

// mostLoss returns the highest loss with which so few packets are lost of so many
// but for bad luck of that many standard deviations (the interval of Wilson, 1927).
func mostLoss(packets, lost, deviations float64) float64 {
	z := deviations
	lost = min(max(lost, 0), packets)
	return (lost + z*z/2 + z*math.Sqrt(lost*(1-lost/packets)+z*z/4)) / (packets + z*z)
}
