package recovery

import (
	"errors"
	"fmt"
	"time"

	"example.com/uft/internal/instant"
)

// ErrUnsent means that the peer acknowledged a packet that it cannot have
// received: one never sent, or one whose number was left out on purpose to
// catch acknowledgements sent in advance (RFC 9000 section 21.4).
var ErrUnsent = errors.New("recovery: peer acknowledged a packet that was never sent")

const (
	defaultInitialRTT = 100 * time.Millisecond

	// rememberLost is how many probe timeouts a lost packet is remembered for,
	// in case its acknowledgement is only late.
	rememberLost = 3
)

// Config sets up a Recovery. The zero Config is usable.
type Config struct {
	// InitialRTT stands for the round trip until one has been measured; 0
	// means 100 ms. It does not decide the first probe timeout.
	InitialRTT time.Duration
	// RememberedRTT is the round trip of an earlier connection on this path,
	// 0 if there was none. It takes the place of InitialRTT, and 1.5 times it
	// is the first probe timeout.
	RememberedRTT time.Duration
	// MaxAckDelay is the longest that the peer holds back an acknowledgement
	// in the Application space; 0 means 25 ms.
	MaxAckDelay time.Duration
	// Overhead is the size in bytes of the IP and UDP headers of a datagram,
	// which are added to Packet.Size wherever bytes are counted: Inflight and
	// all of Fates.Sample are gross.
	Overhead int
}

// A Recovery keeps account of the packets sent on one path. It is not safe for
// use by several goroutines at once.
type Recovery struct {
	cfg     Config
	spaces  [spaces]space
	rtt     roundTrip
	reorder reordering
	rate    deliveryRate
	arrived arrivals

	inflight   int          // gross bytes
	pathSince  instant.Time // the path was another one before
	probes     int          // probe timeouts since an acknowledgement brought news
	quietSince instant.Time // last packet, acknowledgement or timeout

	reliable         bool
	confirmed        bool
	handshakePending bool

	ce, socketDrops uint64 // the peer's counters as last reported
}

// A space is the state of one packet-number space.
type space struct {
	history
	eliciting int          // ack-eliciting packets outstanding
	silent    int          // others outstanding: they ask for no acknowledgement
	ackedEnd  uint64       // one more than the largest number acknowledged; 0 if none
	lossAt    instant.Time // when the oldest packet overtaken by an acknowledged one is lost
	probeFrom instant.Time // when the last ack-eliciting packet left, or the probe timer expired
	discarded bool
}

// New returns a Recovery with nothing sent.
func New(cfg Config) *Recovery {
	if cfg.MaxAckDelay == 0 {
		cfg.MaxAckDelay = maxAckInterval
	}
	if cfg.RememberedRTT > 0 {
		cfg.InitialRTT = cfg.RememberedRTT
	}
	if cfg.InitialRTT == 0 {
		cfg.InitialRTT = defaultInitialRTT
	}
	r := &Recovery{cfg: cfg}
	for i := range r.spaces {
		r.spaces[i].lossAt = instant.Never
	}
	return r
}

// OnSent notes a packet that was sent. Numbers ascend within a space; those
// left out count as never sent. AppLimited says that the sender had nothing
// more to send than this, so that a low rate is not held against the path.
func (r *Recovery) OnSent(in Space, p *Packet, appLimited bool) {
	s := &r.spaces[in]
	now := p.SentAt
	if s.next-s.first == uint64(len(s.records)) {
		s.release(now, r.memory())
	}
	if appLimited {
		r.rate.limited(r.inflight)
	}
	if !s.joins(p) {
		s.begin(r.rate.snapshot(now, r.inflight), p)
	}
	s.push(p)
	if p.InFlight {
		r.inflight += p.Size + r.cfg.Overhead
	}
	if p.AckEliciting {
		s.eliciting++
		s.probeFrom = now
	} else {
		s.silent++
	}
	r.quietSince = now
}

// OnAck takes in an acknowledgement and writes what follows from it to fates.
// The only error wraps ErrUnsent, and the connection must then be closed, for
// the state is left half changed. An acknowledgement that brings nothing new
// changes nothing and gives rise to nothing.
//
// The time it takes is in proportion to the packets newly acknowledged and to
// the number of ranges that reach above the oldest packet still remembered.
func (r *Recovery) OnAck(now instant.Time, in Space, ack *Ack, fates *Fates) error {
	fates.reset()
	s := &r.spaces[in]
	if s.discarded {
		return nil
	}
	if ack.Largest >= s.next {
		return fmt.Errorf("%w: number %d of %d in space %s", ErrUnsent, ack.Largest, s.next, in)
	}
	r.quietSince = now
	sample := &fates.Sample
	sample.PriorInflight = r.inflight
	news, err := r.acknowledge(s, ack, fates)
	if err != nil {
		return fmt.Errorf("%w in space %s", err, in)
	}
	if news.any {
		present := !news.train.sentAt.Before(r.pathSince) // not of an earlier path
		if present && news.eliciting && news.end == ack.Largest+1 {
			sample.AckDelay = r.updateRTT(now, in, news.train.sentAt, ack.Delay)
			sample.RTT = r.rtt.latest
		}
		r.probes = 0
		s.ackedEnd = max(s.ackedEnd, news.end)
		sample.AppLimited = news.train.appLimited
		if sample.AckedBytes > 0 {
			sample.DeliveryRate, sample.RoundStart = r.rate.sample(now, news.train, sample.AckedBytes)
			if !present {
				sample.DeliveryRate = 0
			}
		}
		if present && in == Application && news.end == ack.Largest+1 && ack.ReceiveTime > 0 {
			sample.ArrivalRate, sample.Dispersion = r.arrived.note(arrival{
				number: ack.Largest, came: ack.ReceiveTime, sentAt: news.train.sentAt, delivered: r.rate.delivered,
			}, r.SmoothedRTT())
		}
		if sample.RoundStart {
			r.reorder.onRound(&r.rtt)
		}
		for _, p := range fates.Spurious {
			r.reorder.onSpurious(now.Sub(p.SentAt)-max(r.rtt.latest, r.rtt.smoothed), &r.rtt)
		}
		r.rate.onNews(now, r.SmoothedRTT())
		r.detect(now, s, fates)
		s.release(now, r.memory())
	}
	r.countReports(ack, fates)
	r.finish(fates)
	return nil
}

// news is what was new in an acknowledgement.
type news struct {
	any       bool
	eliciting bool   // an ack-eliciting packet was among it
	end       uint64 // one more than the largest number newly acknowledged
	train     train  // the train of that number
}

// acknowledge marks all packets in the ranges of ack.
func (r *Recovery) acknowledge(s *space, ack *Ack, fates *Fates) (n news, err error) {
	for i := len(ack.Ranges) - 1; i >= 0; i-- {
		start, end := ack.Ranges[i].Start, ack.Ranges[i].End
		if end > ack.Largest+1 {
			return n, fmt.Errorf("%w: number %d beyond its largest", ErrUnsent, end-1)
		}
		if end <= s.first {
			break
		}
		if err := r.acknowledgeRange(s, max(start, s.first), end, &n, fates); err != nil {
			return n, err
		}
	}
	return n, nil
}

// acknowledgeRange marks the packets [start, end), all of them in the history.
//
// A range is repeated in many acknowledgements, growing at its end. So a
// packet already acknowledged points to where it is worth looking next, and
// that pointer is moved to the end of the range each time it is followed.
func (r *Recovery) acknowledgeRange(s *space, start, end uint64, n *news, fates *Fates) error {
	for number := start; number < end; {
		rec := s.at(number)
		run := Run{Count: 1}
		switch rec.state {
		case acked:
			next := s.after(number)
			s.acknowledge(number, max(next, end))
			number = next
			continue
		case skipped:
			return fmt.Errorf("%w: number %d was left out", ErrUnsent, number)
		case lost:
			run.Packet = s.packet(number, rec)
			fates.Spurious = append(fates.Spurious, run.Packet)
		default:
			run = s.run(number, end)
			fates.Acked = append(fates.Acked, run)
			r.settle(s, &run)
		}
		n.any = true
		n.eliciting = n.eliciting || run.AckEliciting
		if run.Last() >= n.end {
			n.end, n.train = run.Last()+1, *s.trainOf(rec)
		}
		if run.InFlight {
			fates.Sample.AckedBytes += run.Count * (run.Size + r.cfg.Overhead)
			if overtaken := min(run.Last()+1, s.ackedEnd); overtaken > number {
				fates.Sample.OvertakenBytes += int(overtaken-number) * (run.Size + r.cfg.Overhead)
			}
		}
		for last := run.Last(); number <= last; number++ {
			s.acknowledge(number, end)
		}
	}
	return nil
}

// settle takes packets, outstanding until now, out of the counts.
func (r *Recovery) settle(s *space, run *Run) {
	if run.InFlight {
		r.inflight -= run.Count * (run.Size + r.cfg.Overhead)
	}
	if run.AckEliciting {
		s.eliciting -= run.Count
	} else {
		s.silent -= run.Count
	}
}

// updateRTT takes a round-trip sample. RFC 9002 section 5.3 limits the delay
// that the peer may claim to what it announced, and to none in the spaces where
// it answers at once. A longer one means that earlier acknowledgements of the
// same packet were lost: what is beyond the limit is no part of the round trip
// at all, and would make it seconds where many are lost. The peer is believed:
// one that exaggerates only makes itself look nearer and gets a smaller window.
// What the delay was of the sample taken is returned.
func (r *Recovery) updateRTT(now instant.Time, in Space, sentAt instant.Time, delay time.Duration) time.Duration {
	limit := time.Duration(0)
	if in == Application {
		limit = r.cfg.MaxAckDelay
	}
	sample := now.Sub(sentAt)
	delay = min(max(delay, 0), sample)
	if delay > limit {
		sample = max(sample-(delay-limit), r.rtt.min)
		delay = limit
	}
	r.rtt.update(now, sample, delay)
	return delay
}

// detect declares lost what an acknowledged packet has overtaken by more than
// the reordering window, and sets lossAt for the rest (RFC 8985 section 6.2,
// step 5). Packets are in the order of their sending, so the first that is not
// lost yet ends the search.
//
// There is no packet threshold beside the time threshold. One that tolerates
// reordering would have to be the number of packets sent in a reordering
// window, and that many packets are acknowledged just when the window closes.
func (r *Recovery) detect(now instant.Time, s *space, fates *Fates) {
	s.lossAt = instant.Never
	if r.reliable {
		return
	}
	patience := max(r.rtt.latest, r.SmoothedRTT()) + r.reorder.window(&r.rtt)
	for s.seek() && s.oldest < s.ackedEnd {
		rec := s.at(s.oldest)
		if at := s.trainOf(rec).sentAt.Add(patience); at.After(now) {
			s.lossAt = at
			return
		}
		r.lose(now, s, rec, fates)
	}
}

// lose declares the oldest outstanding packet of s lost.
func (r *Recovery) lose(now instant.Time, s *space, rec *record, fates *Fates) {
	p := s.packet(s.oldest, rec)
	rec.state, rec.lostAt = lost, coarse(now)
	r.settle(s, &Run{Packet: p, Count: 1})
	fates.Lost = append(fates.Lost, p)
	if p.InFlight {
		fates.Sample.LostBytes += p.Size + r.cfg.Overhead
	}
}

// countReports turns the peer's counters into what is new in them. Reports can
// overtake each other, so a counter that falls brings nothing.
func (r *Recovery) countReports(ack *Ack, fates *Fates) {
	if ack.CE > r.ce {
		fates.Sample.CE, r.ce = ack.CE-r.ce, ack.CE
	}
	if ack.SocketDrops > r.socketDrops {
		fates.Sample.SocketDrops, r.socketDrops = ack.SocketDrops-r.socketDrops, ack.SocketDrops
	}
}

// finish fills in the parts of the sample that every event has.
func (r *Recovery) finish(fates *Fates) {
	sample := &fates.Sample
	sample.Inflight = r.inflight
	sample.MinRTT = r.rtt.min
	sample.SmoothedRTT = r.SmoothedRTT()
	sample.RTTVar = r.RTTVar()
	sample.AckInterval = r.rate.interval
}

// memory returns how long a lost packet is remembered.
func (r *Recovery) memory() time.Duration {
	return rememberLost * r.PTO(Application)
}
