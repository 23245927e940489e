package congestion

import (
	"slices"
	"time"
)

// bandwidthRounds is the number of round trips whose highest delivery rate
// counts. It is longer than a probing cycle (cycle.go), so that what the last
// probe found is remembered until the next.
const bandwidthRounds = 12

// A maxFilter keeps the highest value of the last bandwidthRounds rounds.
type maxFilter struct {
	rounds [bandwidthRounds]int64
	now    int
}

// add takes in a value of the present round.
func (f *maxFilter) add(v int64) {
	f.rounds[f.now] = max(f.rounds[f.now], v)
}

// advance begins a round and forgets the oldest.
func (f *maxFilter) advance() {
	f.now = (f.now + 1) % len(f.rounds)
	f.rounds[f.now] = 0
}

// max returns the highest value kept, 0 if there is none.
func (f *maxFilter) max() (v int64) {
	for _, r := range f.rounds {
		v = max(v, r)
	}
	return v
}

// reset forgets everything but v.
func (f *maxFilter) reset(v int64) {
	*f = maxFilter{}
	f.add(v)
}

// A minFilter keeps the lowest duration of the last bandwidthRounds rounds.
type minFilter struct {
	rounds [bandwidthRounds]time.Duration
	count  int
}

// add takes in the value of a round that has ended.
func (f *minFilter) add(d time.Duration) {
	f.rounds[f.count%len(f.rounds)] = d
	f.count++
}

// min returns the lowest value kept, 0 before the filter is full: until then
// nothing is known for certain.
func (f *minFilter) min() time.Duration {
	if f.count < len(f.rounds) {
		return 0
	}
	return slices.Min(f.rounds[:])
}
