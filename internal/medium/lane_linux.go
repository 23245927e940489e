package medium

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/link"
	"example.com/uft/internal/pcap"
	"example.com/uft/internal/tun"
)

const (
	// laneBatch is how many packets a lane reads before it looks at what is
	// due, and the other way round: some 100 µs of work.
	laneBatch = 64

	// laneTick is the shortest sleep. At rates with a packet every few
	// microseconds a few of them leave together, a little late, rather than
	// each with a sleep of its own.
	laneTick = 50 * time.Microsecond
)

// lanePriority is the nice value of a lane.
const lanePriority = -10

// A lane is one direction of a tunnel: one loop that reads, delays and writes,
// on a thread of its own. It sleeps in ppoll(2) to the microsecond, where the
// timers of Go round up to a millisecond.
type lane struct {
	tunnel  *Tunnel
	in, out *tun.Device

	capture        *pcap.Writer
	entrance, exit pcap.Point
	meter          *meter // of the trace; nil for none

	// mu guards what follows; only the loop and those who ask for counters or
	// a change want it.
	mu         sync.Mutex
	link       *link.Link
	schedule   schedule
	room       int // bytes of memory left for parcels
	overflow   uint64
	failed     uint64
	unseen     uint64 // at the end, when the device is gone
	over       bool
	deliveries []link.Delivery
	due        [][]byte
}

// run forwards until the tunnel is stopped.
func (l *lane) run() error {
	// The thread ends with the goroutine, and its exact timers with it.
	runtime.LockOSThread()
	// Failure only means that sleeps end up to 50 µs late.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	// A line does not slow down because the programs at its ends are busy:
	// this thread, and no other, goes first. Failure only means that they may
	// delay it.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, lanePriority)
	poll := []unix.PollFd{
		{Fd: int32(l.in.Descriptor()), Events: unix.POLLIN},
		{Fd: int32(l.tunnel.stop), Events: unix.POLLIN},
	}
	for {
		more, err := l.receive()
		if err != nil {
			return err
		}
		next := l.deliver()
		sleep := time.Duration(0)
		if !more {
			sleep = l.until(next)
		}
		// Without a sleep too, to see whether the tunnel is stopped.
		if err := wait(poll, sleep); err != nil {
			return err
		}
		if poll[1].Revents != 0 {
			return nil
		}
	}
}

// until returns how long to sleep before a delivery: not at all, where it is
// due.
func (l *lane) until(next instant.Time) time.Duration {
	if next == instant.Never {
		return time.Hour
	}
	if d := next.Sub(l.tunnel.now()); d > 0 {
		return max(d, laneTick)
	}
	return 0
}

// wait sleeps until a descriptor is readable, at most for d.
func wait(poll []unix.PollFd, d time.Duration) error {
	limit := unix.NsecToTimespec(int64(d))
	_, err := unix.Ppoll(poll, &limit, nil)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("waiting for packets: %w", err)
	}
	return nil
}

// receive admits packets to the link. It reports whether there may be more.
func (l *lane) receive() (more bool, err error) {
	admitted := 0
	admit := func(p []byte) {
		l.admit(p)
		admitted++
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for admitted < laneBatch {
		err := l.in.Read(admit)
		if errors.Is(err, unix.EAGAIN) {
			return false, nil
		}
		if errors.Is(err, tun.ErrNotSplit) {
			l.failed++
			continue
		}
		if err != nil {
			return false, fmt.Errorf("reading from interface %s: %w", l.in.Name(), err)
		}
	}
	return true, nil
}

// admit passes a packet through the link into the schedule. The caller holds
// mu.
func (l *lane) admit(p []byte) {
	now := l.tunnel.now()
	l.link.Start(l.tunnel.begin(now))
	var before link.Counters
	if l.capture != nil || l.meter != nil {
		before = l.link.Counters()
	}
	if isMarkable(p) {
		l.deliveries = l.link.AdmitMarkable(now, len(p), l.deliveries[:0])
	} else {
		l.deliveries = l.link.Admit(now, len(p), l.deliveries[:0])
	}
	if l.capture != nil {
		l.capture.Packet(time.Now(), l.entrance, p, causeOf(before, l.link.Counters()))
	}
	l.meter.entered(l.link, now, len(p), before, l.deliveries)
	for _, delivery := range l.deliveries {
		size := bufferSize(len(p))
		if size > l.room {
			l.overflow++
			continue
		}
		data := copyOf(p)
		if delivery.Marked {
			markCongestion(data)
		}
		delivery.Damage(data)
		l.room -= size
		l.schedule.push(parcel{at: delivery.At, data: data})
	}
}

// deliver writes packets that are due, and returns when the next one is.
func (l *lane) deliver() (next instant.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.tunnel.now()
	l.due = l.due[:0]
	for len(l.due) < laneBatch && !l.schedule.next().After(now) {
		l.due = append(l.due, l.schedule.pop().data)
	}
	if l.capture != nil {
		at := time.Now()
		for _, p := range l.due {
			l.capture.Packet(at, l.exit, p, "")
		}
	}
	// Refusal, say because the interface is down, is only counted: to the two
	// ends it is one more loss.
	failed, _ := l.out.Write(l.due)
	l.failed += uint64(failed)
	for _, p := range l.due {
		l.meter.left(len(p))
		l.room += bufferSize(len(p))
		release(p)
	}
	return l.schedule.next()
}

func (l *lane) counters() DirectionCounters {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.unseen = l.in.Dropped()
	}
	return DirectionCounters{
		Counters: l.link.Counters(), Waiting: len(l.schedule.heap),
		Overflow: l.overflow, Failed: l.failed, Unseen: l.unseen,
	}
}

// finish reads the device for the last time.
func (l *lane) finish() {
	l.counters()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}
