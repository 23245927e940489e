package rival_test

import (
	"testing"
	"time"

	"example.com/uft/internal/link"
	"example.com/uft/internal/rival"
	"example.com/uft/internal/sim"
)

// bottleneck is a path of 20 Mbit/s and 40 ms.
func bottleneck(queue float64, loss float64) link.Config {
	const bdp = 20_000_000 / 8 * 0.040
	return link.Config{Rate: 20_000_000, Delay: 20 * time.Millisecond, Loss: loss, QueueBytes: int(queue * bdp), HeaderBytes: 28}
}

// counted is how long the flows of a test are counted.
const counted = 30 * time.Second

// shares runs flows for 40 s and returns what each got of the path, from
// ten seconds on.
func shares(t *testing.T, up link.Config, extra []time.Duration, controls ...rival.Controller) (of []float64, n *sim.Network) {
	t.Helper()
	down := up
	n = sim.New(sim.Config{Seed: 1, Up: up, Down: down})
	flows := make([]*rival.Flow, len(controls))
	for i, c := range controls {
		d := time.Duration(0)
		if i < len(extra) {
			d = extra[i]
		}
		flows[i] = rival.Start(n, c, d)
	}
	sleep(t, n, 10*time.Second)
	before := make([]uint64, len(flows))
	for i, f := range flows {
		before[i] = f.Arrived()
	}
	sleep(t, n, counted)
	for i, f := range flows {
		of = append(of, float64(f.Arrived()-before[i])*8/counted.Seconds()/20e6)
	}
	return of, n
}

func sleep(t *testing.T, n *sim.Network, d time.Duration) {
	t.Helper()
	if err := n.Sleep(d); err != nil {
		t.Fatal(err)
	}
}

// TestAlone asks for what is known of the two: both fill a clean path; loss
// ruins CUBIC at one per cent and BBR not even at ten.
func TestAlone(t *testing.T) {
	for _, test := range []struct {
		name      string
		control   rival.Controller
		loss      float64
		low, high float64
	}{
		{"CUBIC, no loss", rival.NewCubic(), 0, 0.95, 1.001},
		{"CUBIC, 1 %", rival.NewCubic(), 0.01, 0.1, 0.4},
		{"BBR, no loss", rival.NewBBR(0), 0, 0.95, 1.001},
		{"BBR, 1 %", rival.NewBBR(0), 0.01, 0.9, 1},
		{"BBR, 10 %", rival.NewBBR(0), 0.10, 0.75, 0.91},
		{"BBR, 30 %", rival.NewBBR(0), 0.30, 0, 0.2},
	} {
		of, _ := shares(t, bottleneck(1, test.loss), nil, test.control)
		if of[0] < test.low || of[0] > test.high {
			t.Errorf("%s: %.3f of the path, want %v to %v", test.name, of[0], test.low, test.high)
		}
	}
}

// TestCubicAnswersLoss asks for the response function: the Mathis formula for
// Reno, above which CUBIC lies.
func TestCubicAnswersLoss(t *testing.T) {
	of, _ := shares(t, bottleneck(1, 0.01), nil, rival.NewCubic())
	mathis := 1.22 * rival.SegmentBytes * 8 / (0.040 * 0.1) / 20e6 // MSS ÷ (RTT √p)
	if of[0] < 0.6*mathis || of[0] > 2.5*mathis {
		t.Errorf("%.3f of the path, and the formula says %.3f", of[0], mathis)
	}
}

// TestTogether asks how flows share: equals equally, and BBR takes a shallow
// queue from CUBIC.
func TestTogether(t *testing.T) {
	of, n := shares(t, bottleneck(1, 0), nil, rival.NewCubic(), rival.NewCubic())
	if of[0] < 0.3 || of[1] < 0.3 || of[0]+of[1] < 0.98 {
		t.Errorf("two of CUBIC: %.3f", of)
	}
	if n.Link(sim.Up).QueueDrops == 0 {
		t.Error("CUBIC has not filled the queue")
	}
	of, _ = shares(t, bottleneck(1, 0), nil, rival.NewBBR(0), rival.NewBBR(3))
	if of[0] < 0.3 || of[1] < 0.3 {
		t.Errorf("two of BBR: %.3f", of)
	}
	of, _ = shares(t, bottleneck(0.5, 0), nil, rival.NewCubic(), rival.NewBBR(0))
	if of[1] < 2*of[0] {
		t.Errorf("CUBIC beside BBR in a shallow queue: %.3f", of)
	}
	of, _ = shares(t, bottleneck(1, 0), []time.Duration{0, 60 * time.Millisecond}, rival.NewCubic(), rival.NewCubic())
	if of[0] < of[1] {
		t.Errorf("CUBIC of 40 ms beside one of 160 ms: %.3f", of)
	}
}

// TestBlackout has both survive ten seconds without a path, by the
// retransmission timeout.
func TestBlackout(t *testing.T) {
	for _, control := range []rival.Controller{rival.NewCubic(), rival.NewBBR(0)} {
		up := bottleneck(1, 0)
		up.Blackouts = []link.Blackout{{Start: 12 * time.Second, Length: 10 * time.Second}}
		of, _ := shares(t, up, nil, control)
		if of[0] < 0.40 || of[0] > 0.67 {
			t.Errorf("%T: %.3f of the path; ten of thirty seconds were black", control, of[0])
		}
	}
}

// TestStop looks at a flow that has ended.
func TestStop(t *testing.T) {
	up := bottleneck(1, 0)
	n := sim.New(sim.Config{Up: up, Down: up})
	f := rival.Start(n, rival.NewCubic(), 0)
	sleep(t, n, 5*time.Second)
	f.Stop()
	sleep(t, n, time.Second)
	sent := f.Sent()
	sleep(t, n, 5*time.Second)
	if f.Sent() != sent || f.Arrived() > sent {
		t.Errorf("%d bytes sent, later %d; %d arrived", sent, f.Sent(), f.Arrived())
	}
}

// TestSameSeed runs the same contest twice.
func TestSameSeed(t *testing.T) {
	run := func() []float64 {
		of, _ := shares(t, bottleneck(1, 0.001), nil, rival.NewCubic(), rival.NewBBR(1))
		return of
	}
	once, again := run(), run()
	if once[0] != again[0] || once[1] != again[1] {
		t.Errorf("%v and %v", once, again)
	}
}
