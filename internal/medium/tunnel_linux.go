package medium

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/link"
	"example.com/uft/internal/pcap"
	"example.com/uft/internal/tun"
)

// A Tunnel is a bad network between two TUN devices, for whatever is sent over
// IP. Its methods may be called from any goroutine.
type Tunnel struct {
	devices  [2]*tun.Device
	up, down *lane
	stop     int // an eventfd that ends the lanes
	began    time.Time
	epoch    atomic.Int64 // when the first packet entered; 0: none did
}

// OpenTunnel makes the devices of a tunnel. Nothing is forwarded before Serve.
// An error is a *ConfigError where the configuration is at fault.
func OpenTunnel(config TunnelConfig) (*Tunnel, error) {
	if err := config.validate(); err != nil {
		return nil, &ConfigError{err}
	}
	if config.MaxQueuedBytes <= 0 {
		config.MaxQueuedBytes = DefaultMaxQueuedBytes
	}
	left, err := tun.Open(config.Left)
	if err != nil {
		return nil, fmt.Errorf("left: %w", err)
	}
	right, err := tun.Open(config.Right)
	if err != nil {
		left.Close()
		return nil, fmt.Errorf("right: %w", err)
	}
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		left.Close()
		right.Close()
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	t := &Tunnel{devices: [2]*tun.Device{left, right}, stop: stop, began: time.Now()}
	upSeed, downSeed := seeds(config.Seed)
	t.up = &lane{
		tunnel: t, in: left, out: right, link: link.New(config.Up, upSeed),
		capture: config.Capture, entrance: pcap.UpIn, exit: pcap.UpOut, room: config.MaxQueuedBytes,
		meter: config.Trace.of(true),
	}
	t.down = &lane{
		tunnel: t, in: right, out: left, link: link.New(config.Down, downSeed),
		capture: config.Capture, entrance: pcap.DownIn, exit: pcap.DownOut, room: config.MaxQueuedBytes,
		meter: config.Trace.of(false),
	}
	t.up.link.Follow(config.Scenarios.Up)
	t.down.link.Follow(config.Scenarios.Down)
	return t, nil
}

// Serve forwards until the context ends and then returns nil; packets still
// delayed are lost, and the devices are gone. It may be called once.
func (t *Tunnel) Serve(ctx context.Context) error {
	// Each lane sits in system calls on a thread of its own. With as many
	// processors of Go more, neither waits for the other to leave one.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2))
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	var tasks sync.WaitGroup
	var errs [2]error
	for i, l := range [...]*lane{t.up, t.down} {
		tasks.Go(func() {
			errs[i] = l.run()
			cancel() // one direction alone is of no use
		})
	}
	<-running.Done()
	// The counter of an eventfd stays readable, so both lanes see it.
	_, err := unix.Write(t.stop, binary.NativeEndian.AppendUint64(nil, 1))
	if err != nil {
		return fmt.Errorf("stopping the tunnel: %w", err)
	}
	tasks.Wait()
	t.close()
	return errors.Join(errs[:]...)
}

// close gives back what OpenTunnel took.
func (t *Tunnel) close() {
	t.up.finish()
	t.down.finish()
	for _, device := range t.devices {
		device.Close()
	}
	unix.Close(t.stop)
}

// Counters returns what the tunnel did so far, also after its end.
func (t *Tunnel) Counters() Counters {
	return Counters{Up: t.up.counters(), Down: t.down.counters()}
}

// Links returns the configurations of the links as they are now.
func (t *Tunnel) Links() (up, down link.Config) {
	defer t.lock()()
	return t.up.link.Config(), t.down.link.Config()
}

// Change changes the links by the words of a specification, both or neither.
func (t *Tunnel) Change(c link.Changes) error {
	defer t.lock()()
	return change(t.up.link, t.down.link, t.now(), c)
}

// lock takes the locks of both lanes and returns what gives them back.
func (t *Tunnel) lock() (unlock func()) {
	t.up.mu.Lock()
	t.down.mu.Lock()
	return func() {
		t.up.mu.Unlock()
		t.down.mu.Unlock()
	}
}

// now reads the tunnel's clock. It starts at one, since a zero instant means
// "not set".
func (t *Tunnel) now() instant.Time { return instant.Time(time.Since(t.began)) + 1 }

// begin returns when the first packet entered in either direction: now, where
// none did.
func (t *Tunnel) begin(now instant.Time) instant.Time {
	t.epoch.CompareAndSwap(0, int64(now))
	return instant.Time(t.epoch.Load())
}
