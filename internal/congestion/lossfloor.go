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

	sums   [floorSlots]lossCount // of slots of as many packets as a block at least, the newest last
	summed int
	sumAt  instant.Time
	lowest float64 // of the complete ones
}

// lossCount is what was lost of so many packets.
type lossCount struct{ packets, lost float64 }

// add takes in a round.
func (f *lossFloor) add(now instant.Time, packets, lost float64) {
	f.sum(now, packets, lost)
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

// sum takes a round into the sums.
func (f *lossFloor) sum(now instant.Time, packets, lost float64) {
	last := max(f.summed-1, 0)
	if f.summed == 0 || now.Sub(f.sumAt) >= floorSlot && f.sums[last].packets >= blockPackets {
		if f.summed == len(f.sums) {
			copy(f.sums[:], f.sums[1:])
			f.summed--
		}
		last = f.summed
		f.sums[last] = lossCount{}
		f.summed++
		f.sumAt = now
		f.lowest = f.leastOfSums()
	}
	f.sums[last].packets += packets
	f.sums[last].lost += lost
}

// leastOfSums returns the least share that was lost over one complete slot or over up
// to half of them in a row, 1 while there are none.
func (f *lossFloor) leastOfSums() float64 {
	least := 1.0
	complete := f.summed - 1
	for from := range max(complete, 0) {
		var n lossCount
		for i := from; i < complete && i-from < (complete+1)/2; i++ {
			n.packets += f.sums[i].packets
			n.lost += f.sums[i].lost
			least = min(least, max(n.lost, 0)/n.packets)
		}
	}
	return least
}

// least returns the least share that was lost lately, chance or not.
func (f *lossFloor) least() float64 {
	if f.summed < 2 {
		return 1
	}
	return f.lowest
}

// mostLoss returns the highest loss with which so few packets are lost of so many
// but for bad luck of that many standard deviations (the interval of Wilson, 1927).
func mostLoss(packets, lost, deviations float64) float64 {
	z := deviations
	lost = min(max(lost, 0), packets)
	return (lost + z*z/2 + z*math.Sqrt(lost*(1-lost/packets)+z*z/4)) / (packets + z*z)
}
