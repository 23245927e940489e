// Package link is the model of one direction of a bad network. The `medium`
// program, the loss option of `uft`, the simulator and the tests all use this
// one model, so what is seen in one of them can be repeated in the others.
//
// A Link holds no datagrams and looks at no clock: told that a datagram of
// some size enters now, it answers when that datagram leaves, whether it is
// damaged, and whether there is a copy. The same configuration, seed and
// sequence of calls always give the same answers.
//
// A datagram passes, in this order:
//
//  1. the entrance, where blackouts take everything;
//  2. a policer, which drops what exceeds its rate;
//  3. the bottleneck: a queue, drop-tail or with CoDel, then a fixed rate or
//     the trace of a cellular link;
//  4. the path: loss, duplication, damage, delay with jitter, reordering.
//
// So a datagram that the path loses has used its share of the rate, as on a
// radio link behind a router, and a copy made by the path has not.
//
// A link may change while it is in use: at once (Link.Change), or by a list of
// changes at times that are known before (Scenario).
package link

import (
	"time"

	"example.com/uft/internal/instant"
)

// minHoldBack is the least time by which a reordered datagram is held back.
const minHoldBack = 5 * time.Millisecond

// A Link decides the fate of the datagrams of one direction. It is not safe
// for use by several goroutines.
type Link struct {
	config     Config
	policer    policer
	bottleneck bottleneck
	loss       lossModel
	duplicate  chance
	original   fate
	copy       fate

	started  bool
	epoch    instant.Time // what blackouts, a scenario and a trace count from
	scenario progress
	counters Counters
}

// Counters is what happened on a Link so far. At any time In + Duplicated =
// Delivered + Lost + BlackedOut + Policed + QueueDrops.
type Counters struct {
	In         uint64 // datagrams that entered
	Delivered  uint64 // deliveries, copies included
	Lost       uint64 // datagrams lost on the path
	BlackedOut uint64 // datagrams that entered during a blackout
	Policed    uint64 // datagrams that exceeded the rate of the policer
	QueueDrops uint64 // datagrams for which the queue had no room, or that CoDel dropped
	Duplicated uint64 // copies made
	Reordered  uint64 // deliveries held back
	Corrupted  uint64 // deliveries damaged
	Marked     uint64 // deliveries that CoDel marked
	BytesIn    uint64 // sizes of the datagrams that entered, without Config.HeaderBytes
	BytesOut   uint64 // sizes of the deliveries, without Config.HeaderBytes
}

// New returns the link that a configuration describes. The configuration must
// be valid. All chance on the link comes from the seed.
func New(c Config, seed uint64) *Link {
	l := &Link{
		config:     c,
		policer:    newPolicer(&c),
		bottleneck: newBottleneck(&c),
		loss:       newLossModel(&c, newChance(seed, 0)),
		duplicate:  newChance(seed, 1),
		original:   newFate(seed, 2),
		copy:       newFate(seed, 5),
	}
	l.config.Blackouts = append([]Blackout(nil), c.Blackouts...)
	return l
}

// Start sets the time that blackouts, a scenario and a trace count from.
// Without it they count from the first datagram. Only the first call has an effect, and none after a
// datagram has entered: two directions started together stay together.
func (l *Link) Start(now instant.Time) {
	if !l.started {
		l.started, l.epoch = true, now
		l.bottleneck.start(now)
	}
}

// Config returns the configuration that the last datagram met, or that the last
// change left.
func (l *Link) Config() Config { return l.config }

// Change puts another configuration, which must be valid, in place at now,
// which must not be before the now of an earlier call. What the link has
// accepted keeps its delivery: its bits leave at the rate at which they were
// accepted, and what comes later queues behind them; so a rate changes when
// the queue of that moment has been sent. A new delay holds for what enters
// from now on, which may overtake what is on its way, as after a change of
// route. Chance goes on where it was: a burst of losses lasts across a change.
// A policer with another rate or burst starts with a full bucket. Blackouts
// count from the start of the link, not from now.
func (l *Link) Change(now instant.Time, c Config) {
	l.followScenario(now)
	l.change(now, c)
}

func (l *Link) change(now instant.Time, c Config) {
	if c.Police != l.config.Police || c.PoliceBurst != l.config.PoliceBurst {
		l.policer = newPolicer(&c)
	}
	l.bottleneck.change(now, &c)
	l.loss.change(&c)
	l.config = c
	l.config.Blackouts = append([]Blackout(nil), c.Blackouts...)
}

// Amend changes the link by the words of a specification (see Parse), as a
// step of a scenario does (see Step). Where the result is not valid the link
// stays as it was.
func (l *Link) Amend(now instant.Time, spec string) error {
	l.followScenario(now)
	return l.amend(now, spec)
}

func (l *Link) amend(now instant.Time, spec string) error {
	elapsed := time.Duration(0)
	if l.started {
		elapsed = now.Sub(l.epoch)
	}
	c, err := l.config.amended(elapsed, spec)
	if err == nil {
		l.change(now, c)
	}
	return err
}

// Counters returns what happened so far.
func (l *Link) Counters() Counters { return l.counters }

// Admit decides the fate of a datagram of size bytes that enters at now,
// which must not be before the now of an earlier call. It appends the
// deliveries to out, none, one or two, the original before its copy, and
// returns the extended slice. Deliveries of one call, and of different calls,
// are not sorted by time; those of equal time are meant in the order in which
// they were returned.
func (l *Link) Admit(now instant.Time, size int, out []Delivery) []Delivery {
	return l.admit(now, size, false, out)
}

// AdmitMarkable is Admit for a datagram that can carry a congestion mark (ECT
// of RFC 3168): CoDel with ECN marks it (Delivery.Marked) and drops it not.
func (l *Link) AdmitMarkable(now instant.Time, size int, out []Delivery) []Delivery {
	return l.admit(now, size, true, out)
}

func (l *Link) admit(now instant.Time, size int, markable bool, out []Delivery) []Delivery {
	l.Start(now)
	l.followScenario(now)
	l.counters.In++
	l.counters.BytesIn += uint64(size)

	// All draws come first, so that no outcome shifts a later draw.
	lost := l.loss.next()
	duplicated := l.duplicate.hits(l.config.Duplicate)
	original := l.original.next(&l.config)
	copied := l.copy.next(&l.config)

	if l.blackedOut(now) {
		l.counters.BlackedOut++
		return out
	}
	if !l.policer.passes(now, size+l.config.HeaderBytes) {
		l.counters.Policed++
		return out
	}
	passage := l.bottleneck.send(now, size+l.config.HeaderBytes, markable)
	if !passage.accepted {
		l.counters.QueueDrops++
		return out
	}
	if lost {
		l.counters.Lost++
		return out
	}
	out = append(out, l.deliver(passage, size, original))
	if duplicated {
		l.counters.Duplicated++
		out = append(out, l.deliver(passage, size, copied))
	}
	return out
}

func (l *Link) blackedOut(now instant.Time) bool {
	since := now.Sub(l.epoch)
	for _, b := range l.config.Blackouts {
		if since >= b.Start && since-b.Start < b.Length {
			return true
		}
	}
	return false
}

// deliver counts a delivery and turns what was drawn for it into a time.
func (l *Link) deliver(p passage, size int, drawn outcome) Delivery {
	l.counters.Delivered++
	l.counters.BytesOut += uint64(size)
	delay := max(0, l.config.Delay+drawn.jitter)
	if drawn.heldBack {
		l.counters.Reordered++
		delay += max(l.config.Delay/2, minHoldBack)
	}
	if drawn.damaged {
		l.counters.Corrupted++
	}
	if p.marked {
		l.counters.Marked++
	}
	return Delivery{At: p.sent.Add(delay), Damaged: drawn.damaged, Marked: p.marked, pattern: drawn.pattern}
}

// A fate draws what the path does to a datagram that it does not lose.
type fate struct{ jitter, reorder, damage chance }

// An outcome is one draw of a fate.
type outcome struct {
	jitter   time.Duration // in ± Config.Jitter
	heldBack bool
	damaged  bool
	pattern  uint64 // which bits the damage flips
}

// newFate takes three numbers of effects, from first on.
func newFate(seed, first uint64) fate {
	return fate{newChance(seed, first), newChance(seed, first+1), newChance(seed, first+2)}
}

func (f *fate) next(c *Config) outcome {
	return outcome{
		jitter:   time.Duration((2*f.jitter.unit() - 1) * float64(c.Jitter)),
		heldBack: f.reorder.hits(c.Reorder),
		damaged:  f.damage.hits(c.Corrupt),
		pattern:  f.damage.source.Uint64(),
	}
}

// A Delivery is one arrival of a datagram at the far end of the link.
type Delivery struct {
	At      instant.Time
	Damaged bool
	Marked  bool // with "congestion experienced" (RFC 3168), for the caller to write
	pattern uint64
}

// Damage flips bits of p, the bytes of this delivery, if it is a damaged one.
// The bits depend on the seed of the link only. The caller passes a copy
// where it needs the undamaged bytes for another delivery.
func (d Delivery) Damage(p []byte) {
	if !d.Damaged || len(p) == 0 {
		return
	}
	// One or three flips: with an odd number p always changes, even where
	// two of them fall on the same bit.
	flips := 1 + 2*(d.pattern&1)
	position := d.pattern
	for range flips {
		position += golden
		bit := mix(position) % (uint64(len(p)) * 8)
		p[bit/8] ^= 1 << (bit % 8)
	}
}
