package core

import (
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/wire"
)

// TraceEvent is one record of a connection's history, given to Config.Trace.
// docs/traces.md lists the events and what each one tells.
type TraceEvent struct {
	Time       instant.Time
	Connection wire.ConnectionID // of the client's first packet: the same on both sides
	Role       Role
	Name       string       // category and event, as qlog names them: "recovery:packet_lost"
	Fields     []TraceField // borrowed until Config.Trace returns
}

// TraceField is one value of a TraceEvent, a text where Text is not empty.
type TraceField struct {
	Name   string
	Number float64
	Text   string
}

func traceNumber[T int | int64 | uint64](name string, value T) TraceField {
	return TraceField{Name: name, Number: float64(value)}
}

func traceText(name, value string) TraceField { return TraceField{Name: name, Text: value} }

// traceFlag is a value that is 0 or 1.
func traceFlag(name string, value bool) TraceField {
	f := TraceField{Name: name}
	if value {
		f.Number = 1
	}
	return f
}

// traceTime is a time in milliseconds, as qlog has them.
func traceTime(name string, value time.Duration) TraceField {
	return TraceField{Name: name, Number: float64(value) / float64(time.Millisecond)}
}

// Metrics are traced at most once in a quarter of a round trip, but within
// these bounds, so that a trace of a fast path stays small and one of a long
// path shows what happens.
const (
	minMetricsInterval = 10 * time.Millisecond
	maxMetricsInterval = 50 * time.Millisecond
)

// traced is what tracing remembers.
type traced struct {
	fields  []TraceField
	metrics instant.Time // when they are due again
	phase   string       // of the controller, as traced last
	acked   int          // packets acknowledged so far
}

// trace tells of an event, if anyone wants to hear of it. The fields are copied,
// so that they cost nothing where nobody does.
func (c *Conn) trace(name string, fields ...TraceField) {
	if c.cfg.Trace == nil {
		return
	}
	c.traced.fields = append(c.traced.fields[:0], fields...)
	c.cfg.Trace(TraceEvent{
		Time: c.now, Connection: c.originalDestination, Role: c.role, Name: name, Fields: c.traced.fields,
	})
}

// traceSent tells of what Transmit has written. One record stands for a whole
// train: one for each of its packets would cost more time than sealing them.
func (c *Conn) traceSent(n, segmentSize int) {
	if c.cfg.Trace == nil {
		return
	}
	if n > 0 {
		c.traceTrain("transport:packet_sent", n, segmentSize)
	}
	c.traceMetrics()
}

// traceReceived tells of a train that came in.
func (c *Conn) traceReceived(n, segmentSize int) {
	if c.cfg.Trace != nil && n > 0 && segmentSize > 0 {
		c.traceTrain("transport:packet_received", n, segmentSize)
	}
}

func (c *Conn) traceTrain(name string, n, segmentSize int) {
	c.trace(name, traceNumber("count", (n+segmentSize-1)/segmentSize), traceNumber("length", n))
}

// traceFates tells what an acknowledgement, or a timer, has made known.
func (c *Conn) traceFates(f *recovery.Fates) {
	c.limits.socketDrops += f.Sample.SocketDrops
	if c.cfg.Trace == nil {
		return
	}
	for _, run := range f.Acked {
		c.traced.acked += run.Count
	}
	for _, part := range [...]struct {
		name    string
		packets []recovery.Packet
	}{{"recovery:packet_lost", f.Lost}, {"recovery:spurious_loss", f.Spurious}} {
		if len(part.packets) > 0 {
			c.trace(part.name, traceNumber("count", len(part.packets)), traceNumber("first", part.packets[0].Number),
				traceNumber("length", total(part.packets)))
		}
	}
	if phase := c.controller.State().Phase; phase != c.traced.phase {
		c.trace("recovery:congestion_state_updated", traceText("old", c.traced.phase), traceText("new", phase))
		c.traced.phase = phase
	}
}

// total is the size of packets together.
func total(packets []recovery.Packet) (bytes int) {
	for _, p := range packets {
		bytes += p.Size
	}
	return bytes
}

// traceMetrics tells how the connection is doing, if it is time to.
func (c *Conn) traceMetrics() {
	if c.traced.metrics.After(c.now) {
		return
	}
	c.traced.metrics = c.now.Add(min(max(c.recovery.SmoothedRTT()/4, minMetricsInterval), maxMetricsInterval))
	s, state := &c.stats, c.controller.State()
	c.trace(
		"recovery:metrics_updated",
		traceTime("smoothed_rtt", c.recovery.SmoothedRTT()), traceTime("min_rtt", c.recovery.MinRTT()),
		traceTime("latest_rtt", c.recovery.LatestRTT()), traceTime("rtt_variance", c.recovery.RTTVar()),
		traceNumber("congestion_window", state.Window), traceNumber("bytes_in_flight", c.recovery.Inflight()),
		traceNumber("pacing_rate", 8*state.PacingRate), traceNumber("bandwidth", 8*state.Bandwidth),
		TraceField{Name: "base_loss", Number: state.LossRate}, traceText("phase", state.Phase),
		traceNumber("packets_sent", s.PacketsSent), traceNumber("packets_acked", c.traced.acked),
		traceNumber("packets_lost", s.PacketsLost),
		traceNumber("bytes_sent", s.BytesSent+uint64(c.overhead())*s.DatagramsSent),
		traceNumber("bytes_received", s.BytesReceived+uint64(c.overhead())*s.DatagramsReceived),
		traceNumber("data_acked", s.DataBytesAcked), traceNumber("data_received", s.DataBytesReceived),
		traceNumber("probe_timeouts", s.ProbeTimeouts),
		traceNumber("backlog", c.backlog), traceNumber("peer_backlog", c.limits.peerBacklog),
		traceText("limited_by", c.limits.now.String()),
	)
}

// traceClosed tells why the connection is over, and where its time went.
func (c *Conn) traceClosed(err error) {
	if c.cfg.Trace == nil {
		return
	}
	c.traced.metrics = 0
	c.traceMetrics()
	c.limits.charge(c.now)
	fields := make([]TraceField, 0, limitCount)
	for l, spent := range c.limits.spent {
		fields = append(fields, traceTime(Limit(l).String(), spent))
	}
	c.trace("uft:limits", fields...)
	c.trace("connectivity:connection_closed", traceText("reason", err.Error()))
}
