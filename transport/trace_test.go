package transport

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// TestTraceOfBothSides: both sides tell of the same connection, with the time of
// the machine.
func TestTraceOfBothSides(t *testing.T) {
	type seen struct {
		names       []string
		connections []string
	}
	var mu sync.Mutex
	var sides [2]seen
	began := time.Now()
	follow := func(side int) func(TraceEvent) {
		return func(e TraceEvent) {
			mu.Lock()
			defer mu.Unlock()
			s := &sides[side]
			if !slices.Contains(s.names, e.Name) {
				s.names = append(s.names, e.Name)
			}
			if !slices.Contains(s.connections, e.Connection) {
				s.connections = append(s.connections, e.Connection)
			}
			if e.At.Before(began) || e.At.After(time.Now().Add(time.Second)) {
				t.Errorf("%s at %v", e.Name, e.At)
			}
		}
	}
	l, err := Listen("127.0.0.1:0", &Config{Trace: follow(1), Carrier: UDP})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client := connect(t, l.Addr().String(), &Config{Trace: follow(0), Carrier: UDP})
	server, err := l.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = client.Close()
	<-server.Done()
	<-client.stopped
	<-server.stopped
	mu.Lock()
	defer mu.Unlock()
	for i, s := range sides {
		if len(s.connections) != 1 || s.connections[0] != sides[0].connections[0] || len(s.connections[0]) != 16 {
			t.Errorf("side %d: connections %v", i, s.connections)
		}
		for _, want := range []string{"transport:packet_sent", "transport:packet_received", "recovery:metrics_updated", "uft:limits", "connectivity:connection_closed"} {
			if !slices.Contains(s.names, want) {
				t.Errorf("side %d: no %s among %v", i, want, s.names)
			}
		}
	}
}
