package core_test

import (
	"strings"
	"testing"
	"time"

	"example.com/uft/internal/core"
	"example.com/uft/internal/instant"
	"example.com/uft/internal/sim"
)

// traced is what a side of a connection has traced.
type traced struct {
	names map[string]int
	last  map[string]map[string]core.TraceField // of each event, its latest fields
	at    instant.Time
	since time.Duration // the least between two metrics
	ids   map[string]bool
}

// follow returns what both sides trace from now on.
func follow(t *testing.T, cfg *sim.Config) map[string]*traced {
	sides := map[string]*traced{}
	for _, name := range []string{"client", "server"} {
		sides[name] = &traced{
			names: map[string]int{}, last: map[string]map[string]core.TraceField{}, since: time.Hour, ids: map[string]bool{},
		}
	}
	metrics := map[string]instant.Time{}
	cfg.Trace = func(who string, e core.TraceEvent) {
		s := sides[who]
		if e.Time.Before(s.at) || e.Role.String() != who || !strings.Contains(e.Name, ":") {
			t.Errorf("%s, %s at %v after %v", who, e.Name, e.Time, s.at)
		}
		s.at = e.Time
		s.names[e.Name]++
		s.ids[e.Connection.String()] = true
		fields := map[string]core.TraceField{}
		for _, f := range e.Fields {
			fields[f.Name] = f
		}
		s.last[e.Name] = fields
		if e.Name == "recovery:metrics_updated" {
			if before := metrics[who]; before.IsSet() {
				s.since = min(s.since, e.Time.Sub(before))
			}
			metrics[who] = e.Time
		}
	}
	return sides
}

// TestTraceTellsTheStory runs a transfer through loss and a blackout, and looks
// for what happened in the traces of both sides.
func TestTraceTellsTheStory(t *testing.T) {
	const size = 2 << 20
	cfg := network(t, "delay=20ms,loss=5%,rate=20M,blackout=600ms+1s")
	cfg.Client = func(c *core.Config) { c.KeyPhasePackets = 300 }
	sides := follow(t, &cfg)
	w := newWorld(t, cfg)
	client, server := w.connect(sim.DialOptions{})
	w.complete(30*time.Second, server, w.file(client, size))
	w.until(10*time.Second, func() bool { return client.Events[core.EventBulkDelivered] > 0 })
	final := stats(client)
	for _, s := range sides {
		if s.since < 10*time.Millisecond {
			t.Errorf("metrics after %v", s.since)
		}
		if len(s.ids) != 1 || !s.ids[firstOf(sides["client"].ids)] {
			t.Errorf("connections %v", s.ids)
		}
	}
	c := sides["client"]
	for _, name := range []string{
		"transport:packet_sent", "transport:packet_received", "recovery:metrics_updated", "recovery:packet_lost",
		"recovery:congestion_state_updated", "recovery:probe_timeout", "recovery:tail_repair", "security:key_updated",
	} {
		if c.names[name] == 0 {
			t.Errorf("no %s among %v", name, c.names)
		}
	}
	client.Conn.Close(w.Now(), 0, "")
	w.closedWith(5*time.Second, client)
	metrics := c.last["recovery:metrics_updated"]
	if got := metrics["data_acked"].Number; got != size {
		t.Errorf("%v bytes acknowledged by the trace", got)
	}
	if got := metrics["packets_lost"].Number; got != float64(final.PacketsLost) {
		t.Errorf("%v packets lost by the trace, %d by the statistics", got, final.PacketsLost)
	}
	if c.names["connectivity:connection_closed"] != 1 || c.last["uft:limits"]["path"].Number <= 0 {
		t.Errorf("the end: %v, %v", c.last["connectivity:connection_closed"], c.last["uft:limits"])
	}
}

func firstOf(set map[string]bool) string {
	for s := range set {
		return s
	}
	return ""
}
