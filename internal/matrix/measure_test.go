package matrix

import (
	"errors"
	"math"
	"testing"
	"time"

	"example.com/uft/internal/sim"
)

func TestIdeal(t *testing.T) {
	// The ideal times of the table, in seconds.
	for i, want := range []float64{3.1, 1.9, 4.1, 2.3, 2.3, 3.0} {
		l := Table[i]
		if got := l.Path.Ideal(l.Size).Seconds(); math.Abs(got-want) > 0.05 {
			t.Errorf("%s: %.2f s, want %v", l.Name, got, want)
		}
	}
}

// TestLinkOfPath looks at the queue: bandwidth-delay products, never less than
// two packets.
func TestLinkOfPath(t *testing.T) {
	p := Path{Rate: 8_000_000, RTT: 100 * time.Millisecond}
	for queue, want := range map[float64]int{0: 100_000, 1: 100_000, 0.1: 10_000, 4: 400_000, 0.001: 3000} {
		p.Queue = queue
		c := p.Link()
		if c.QueueBytes != want || c.Delay != 50*time.Millisecond || c.Validate() != nil {
			t.Errorf("%v BDP: %+v", queue, c)
		}
	}
}

// TestMeter sends foreign traffic of known times through a network.
func TestMeter(t *testing.T) {
	p := Path{Rate: 8_000_000, RTT: 20 * time.Millisecond} // a packet of 1000 bytes takes 1 ms
	n, m := newNetwork(sim.Config{Up: p.Link(), Down: p.Link()})
	carry := func(count int) {
		for range count {
			n.Carry(sim.Up, 1000-ipHeaders, func() {})
		}
		if err := n.Sleep(time.Second); err != nil {
			t.Fatal(err)
		}
	}
	carry(3) // before the measurement
	m.begin(nil, p)
	carry(25) // the queue holds 20
	got := m.end()
	if got.QueueMean != 9500*time.Microsecond || got.QueueP95 != 18*time.Millisecond {
		t.Errorf("queue %v, 95 %% below %v", got.QueueMean, got.QueueP95)
	}
	if got.QueueLoss != 0.2 || got.PathLoss != 0 || got.BytesSent != 25_000 {
		t.Errorf("%+v", got)
	}
}

// TestMeterFollowsSteps has the delay change, which is no queue.
func TestMeterFollowsSteps(t *testing.T) {
	p := Path{Rate: 50 * mbit, RTT: 50 * ms}
	r := Transfer{Path: p, Size: 32 * mebibyte, Mode: Fixed, Seed: 1, Change: func(c *sim.Config) {
		both(c, rttSteps(0))
	}}.Run()
	if r.Err != nil || r.Meter.QueueP95 > 2*time.Millisecond {
		t.Errorf("queue %v, %v", r.Meter.QueueP95, r.Err)
	}
}

func TestJain(t *testing.T) {
	for _, test := range []struct {
		of   []float64
		want float64
	}{{[]float64{5, 5, 5}, 1}, {[]float64{1, 0, 0, 0}, 0.25}, {[]float64{1, 3}, 0.8}, {nil, 0}} {
		if got := jain(test.of); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%v: %v, want %v", test.of, got, test.want)
		}
	}
	s := Share{Bits: []float64{10, 30, 40}, Path: Path{Rate: 120}}
	if s.Fair(0, 1) != 0.25 || s.Fair(1, 3) != 0.875 || s.Use() != 80.0/120 {
		t.Errorf("%v %v %v", s.Fair(0, 1), s.Fair(1, 3), s.Use())
	}
}

// TestContest lets unlike flows share and counts them from outside.
func TestContest(t *testing.T) {
	p := Path{Rate: 10 * mbit, RTT: 20 * ms}
	s, err := Contest{
		Path: p, From: 2 * time.Second, Length: 5 * time.Second, Seed: seed(t),
		Flows: []Contender{{Kind: UFT}, {Kind: CUBIC, Start: time.Second}, {Kind: BBR, Extra: 10 * ms}},
	}.Run()
	if err != nil {
		t.Fatal(err)
	}
	for i, bits := range s.Bits {
		if bits <= 0 {
			t.Errorf("flow %d got nothing", i)
		}
	}
	if use := s.Use(); use < 0.85 || use > 1.01 {
		t.Errorf("together %.3f of the path", use)
	}
}

// TestGivesUp looks at transfers that do not end.
func TestGivesUp(t *testing.T) {
	p := Path{Rate: mbit, RTT: 50 * ms}
	r := Transfer{Path: p, Size: mebibyte, Limit: time.Second, Seed: 1}.Run()
	if !errors.Is(r.Err, sim.ErrTime) || r.Score() != 0 {
		t.Errorf("%v, score %v", r.Err, r.Score())
	}
	r = Transfer{Path: p, Size: mebibyte, Seed: 1, Cancelled: func() bool { return true }}.Run()
	if !errors.Is(r.Err, ErrCancelled) {
		t.Errorf("cancelled: %v", r.Err)
	}
}

// TestRecorder compares the samples with the result.
func TestRecorder(t *testing.T) {
	p := Path{Rate: 10 * mbit, RTT: 20 * ms, Loss: 0.02}
	record := &Recorder{Step: 10 * ms}
	r := Transfer{Path: p, Size: mebibyte, Seed: 1, Record: record}.Run()
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	last := record.Samples[len(record.Samples)-1]
	if last.At != r.Took || last.Received != mebibyte || last.Sent != r.Meter.BytesSent {
		t.Errorf("%+v at the end of %+v", last, r)
	}
	for i := 1; i < len(record.Samples)-1; i++ {
		a, b := record.Samples[i-1], record.Samples[i]
		if b.At-a.At != record.Step || b.Sent < a.Sent || b.Received < a.Received || b.Lost < a.Lost {
			t.Fatalf("%+v after %+v", b, a)
		}
	}
}

// TestDownload has the server send.
func TestDownload(t *testing.T) {
	p := Path{Rate: 10 * mbit, RTT: 20 * ms, Loss: 0.01}
	r := Transfer{Path: p, Size: mebibyte, Seed: seed(t), Download: true}.Run()
	if r.Err != nil || r.DataSent < 1 || r.Score() < 0.5 {
		t.Errorf("score %.3f, sent %.3f, %v", r.Score(), r.DataSent, r.Err)
	}
}

// TestCrowdOfFewPackets has eight flows share a small line whose queue is too short to
// show: each has three packets in a round trip, which prove little one by one. The
// flows must not take what they lose together for loss of the path, make up for it and
// so make more: it was half of everything.
func TestCrowdOfFewPackets(t *testing.T) {
	if raceEnabled {
		t.Skip("takes too long under the race detector")
	}
	p := Path{Rate: 20 * mbit, RTT: 10 * ms, Queue: 0.2}
	s, err := Contest{Path: p, Flows: flows(UFT, 8, 0), From: settle, Length: 15 * time.Second, Seed: seed(t)}.Run()
	if err != nil {
		t.Fatal(err)
	}
	if loss := s.Meter.QueueLoss; loss > 0.2 || s.Use() < 0.9 {
		t.Errorf("lost %.1f %%, used %.2f of the line (UFT_SEED=%d replays this)", 100*loss, s.Use(), seed(t))
	}
}
