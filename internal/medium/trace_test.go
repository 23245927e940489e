package medium

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/link"
	"example.com/uft/internal/trace"
)

type memoryFile struct{ bytes.Buffer }

func (*memoryFile) Close() error { return nil }

// TestTraceOfADirection passes packets through a link that loses half of them
// and queues the others, and adds up what the trace says.
func TestTraceOfADirection(t *testing.T) {
	config, err := link.Parse("loss=0.5,delay=30ms,rate=1M,queue=20ms")
	if err != nil {
		t.Fatal(err)
	}
	config.HeaderBytes = 28
	var file memoryFile
	w := trace.NewWriter(&file, trace.Header{Title: "t", Point: "network", Began: time.Now()})
	all := NewTrace(w, true)
	l := link.New(config, 1)
	m := all.of(true)
	now := instant.Time(1)
	const packets, size = 100, 972
	for range packets {
		before := l.Counters()
		deliveries := l.Admit(now, size, nil)
		m.entered(l, now, size, before, deliveries)
		for range deliveries {
			m.left(size)
		}
		now = now.Add(4 * time.Millisecond)
	}
	all.Close()
	if dropped, err := w.Close(); dropped > 0 || err != nil {
		t.Fatal(dropped, err)
	}
	var latest trace.Record
	most, each := 0.0, map[string]int{}
	_, err = trace.Read(strings.NewReader(file.String()), func(r trace.Record) error {
		if r.Group != "up" {
			t.Errorf("a record of %q", r.Group)
		}
		if r.Name == "network:packet" {
			each[r.Text("fate")]++
			return nil
		}
		latest = r
		if d, _ := r.Number("queue_delay_max"); d > most {
			most = d
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c := l.Counters()
	if each["lost"] != int(c.Lost) || each["dropped by the queue"] != int(c.QueueDrops) || each[""] != int(c.Delivered) {
		t.Errorf("packets %v, the link says %+v", each, c)
	}
	for field, want := range map[string]float64{
		"packets_in": packets, "bytes_in": packets * 1000, "lost": float64(c.Lost), "queue_drops": float64(c.QueueDrops),
		"bytes_out": float64(c.Delivered) * 1000, "rate": 1e6,
	} {
		if got, _ := latest.Number(field); got != want {
			t.Errorf("%s %v, want %v", field, got, want)
		}
	}
	// The queue holds 20 ms, and what is being sent 8 more.
	if most < 8 || most > 28 {
		t.Errorf("the longest delay in the queue is %v ms", most)
	}
}

func TestNoTraceIsNothing(t *testing.T) {
	var none *Trace
	none.of(true).left(1)
	none.of(false).entered(nil, 0, 1, link.Counters{}, nil)
}
