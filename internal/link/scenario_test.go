package link

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestChangeKeepsWhatIsQueued(t *testing.T) {
	s := newScript(t, Config{Rate: 8_000_000})
	s.wantAfter(1000, 1*time.Millisecond)
	s.wantAfter(1000, 2*time.Millisecond)
	s.link.Change(s.now, Config{Rate: 800_000, Delay: 5 * time.Millisecond})
	s.wantAfter(1000, (2+10+5)*time.Millisecond)
	s.link.Change(s.now, Config{}) // no bottleneck: only behind what is queued
	s.wantAfter(1000, 12*time.Millisecond)
	s.advance(time.Second)
	s.wantAfter(1000, 0)
	s.link.Change(s.now, Config{Trace: mustTrace(t, "10\n"), Delay: time.Millisecond})
	s.wantAfter(1000, 11*time.Millisecond)
	s.link.Change(s.now, Config{Rate: 8_000_000})
	s.wantAfter(1000, 11*time.Millisecond)
	s.link.Change(s.now, Config{Trace: mustTrace(t, "1\n")})
	s.wantAfter(1500, 11*time.Millisecond)
	s.wantAfter(1500, 12*time.Millisecond)
}

func TestChangeLeavesChanceAlone(t *testing.T) {
	c := Config{Loss: 0.2, Burst: 3, Jitter: time.Millisecond}
	changed, left := newScript(t, c), newScript(t, c)
	for i := range 2000 {
		d := c
		d.Rate = int64(i) * 1e9
		changed.link.Change(changed.now, d)
		if len(changed.admit(10)) != len(left.admit(10)) {
			t.Fatalf("datagram %d has another fate", i)
		}
		changed.advance(time.Second)
	}
}

func TestAmend(t *testing.T) {
	s := newScript(t, Config{Delay: time.Millisecond, HeaderBytes: 28, Blackouts: []Blackout{{Start: time.Second, Length: time.Second}}})
	s.wantAfter(1, time.Millisecond)
	s.advance(500 * time.Millisecond)
	if err := s.link.Amend(s.now, "rate=8M,blackout=2s+1s"); err != nil {
		t.Fatal(err)
	}
	want := Config{
		Delay: time.Millisecond, HeaderBytes: 28, Rate: 8_000_000,
		Blackouts: []Blackout{{time.Second, time.Second}, {2500 * time.Millisecond, time.Second}},
	}
	if got := s.link.Config(); !reflect.DeepEqual(got, want) {
		t.Errorf("configuration %+v, want %+v", got, want)
	}
	if err := s.link.Amend(s.now, "loss=2"); err == nil || !reflect.DeepEqual(s.link.Config(), want) {
		t.Errorf("loss=2: %v, configuration %+v", err, s.link.Config())
	}
	s.advance(2 * time.Second) // the first blackout is over, the second has begun
	s.wantNone(1)
	if err := s.link.Amend(s.now, "blackout=none"); err != nil {
		t.Fatal(err)
	}
	s.wantAfter(972, 2*time.Millisecond)
	if err := s.link.Amend(s.now, "blackout=1s"); err != nil {
		t.Fatal(err)
	}
	s.wantNone(1)
	if got := s.link.Config().Blackouts; len(got) != 1 {
		t.Errorf("blackouts that are over stay: %v", got)
	}
}

func TestScenario(t *testing.T) {
	s := newScript(t, Config{Delay: time.Millisecond})
	scenario := Scenario{Steps: []Step{
		{time.Second, "delay=2ms"},
		{2 * time.Second, "blackout=1s"},
		{4 * time.Second, "delay=1ms"},
	}, Repeat: 10 * time.Second}
	if err := scenario.Validate(s.link.Config()); err != nil {
		t.Fatal(err)
	}
	s.link.Follow(scenario)
	s.link.Start(s.now)
	begin := s.now
	at := func(since time.Duration) { s.now = begin.Add(since) }
	for _, round := range []time.Duration{0, 10 * time.Second, 20 * time.Second, time.Hour} {
		at(round)
		s.wantAfter(1, time.Millisecond)
		at(round + time.Second)
		s.wantAfter(1, 2*time.Millisecond)
		at(round + 2*time.Second)
		s.wantNone(1)
		at(round + 3*time.Second - 1)
		s.wantNone(1)
		at(round + 3*time.Second)
		s.wantAfter(1, 2*time.Millisecond)
		at(round + 4*time.Second)
		s.wantAfter(1, time.Millisecond)
	}
}

func TestScenarioWithoutRepeatStops(t *testing.T) {
	s := newScript(t, Config{})
	s.link.Follow(Scenario{Steps: []Step{{0, "delay=1ms"}, {time.Second, "delay=2ms"}}})
	s.wantAfter(1, time.Millisecond)
	s.advance(time.Hour)
	s.wantAfter(1, 2*time.Millisecond)
	// A live change comes after the steps that were due before it.
	s.link.Follow(Scenario{Steps: []Step{{time.Second, "delay=3ms"}, {2 * time.Hour, "jitter=0s"}}})
	if err := s.link.Amend(s.now, "delay=4ms"); err != nil {
		t.Fatal(err)
	}
	s.wantAfter(1, 4*time.Millisecond)
}

func TestParseScenario(t *testing.T) {
	up, down, err := ParseScenario("# a tunnel\n\n0s: rate=20M delay=30ms # both\n10s:\tup.loss=5%, down.rate=2M\n12s: down.blackout=3s\nrepeat 30s\n")
	wantUp := Scenario{Steps: []Step{{0, "rate=20M,delay=30ms"}, {10 * time.Second, "loss=5%"}}, Repeat: 30 * time.Second}
	wantDown := Scenario{Steps: []Step{
		{0, "rate=20M,delay=30ms"},
		{10 * time.Second, "rate=2M"},
		{12 * time.Second, "blackout=3s"},
	}, Repeat: 30 * time.Second}
	if err != nil || !reflect.DeepEqual(up, wantUp) || !reflect.DeepEqual(down, wantDown) {
		t.Errorf("up %+v, down %+v, %v", up, down, err)
	}
	for _, s := range []Scenario{up, down} {
		if err := s.Validate(Config{}); err != nil {
			t.Error(err)
		}
	}
}

func TestParseChanges(t *testing.T) {
	for _, test := range []struct{ text, up, down string }{
		{"rate=5M loss=2%", "rate=5M,loss=2%", "rate=5M,loss=2%"},
		{"rate=5M, down.rate=1M up.delay=1ms", "rate=5M,delay=1ms", "rate=1M"},
		{"up.loss=1% loss=2%", "loss=1%", "loss=2%"},
		{"blackout=1s blackout=5s+1s", "blackout=1s,blackout=5s+1s", "blackout=1s,blackout=5s+1s"},
		{"down.queue=codel+ecn", "", "queue=codel+ecn"},
	} {
		got, err := ParseChanges(test.text)
		if want := (Changes{test.up, test.down}); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", test.text, got, err, want)
		}
	}
}

func TestParseScenarioRefuses(t *testing.T) {
	for _, test := range []struct{ text, explains string }{
		{"", "no steps"},
		{"# nothing\n", "no steps"},
		{"10s rate=5M", "line 1: \"10s rate=5M\" has no colon"},
		{"\n10: rate=5M", `line 2: "10" is not a time with its unit`},
		{"10s:", "line 1: nothing is said to change"},
		{"10s: rate=5MB", "line 1: rate \"5MB\": rates are in bits"},
		{"10s: speed=5M", `line 1: "speed" is not a word`},
		{"10s: up.up.rate=5M", "line 1"},
		{"10s: rate=5M rate=6M", "line 1: rate is given twice"},
		{"10s: rate=5M\n9s: rate=6M", "line 2: 9s is before the 10s"},
		{"10s: rate=5M\nrepeat 10s", "line 2: repeat \"10s\": write a time after"},
		{"10s: rate=5M\nrepeat 20s\n30s: rate=1M", "line 3: nothing may follow"},
		{"10s: rate=5M\nrepeat often", "line 2: repeat"},
	} {
		_, _, err := ParseScenario(test.text)
		if err == nil || !strings.Contains(err.Error(), test.explains) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want one line with %q", test.text, err, test.explains)
		}
	}
}

func TestScenarioValidate(t *testing.T) {
	step := func(at time.Duration, change string) Scenario { return Scenario{Steps: []Step{{at, change}}} }
	for _, test := range []struct {
		scenario Scenario
		explains string
	}{
		{step(-1, "rate=1M"), "step 1, at -1ns: steps are given in the order"},
		{step(time.Second, "lose=1"), `step 1, at 1s: "lose" is not a word`},
		{step(time.Second, "loss=0.9"), "make the burst at least"}, // with the burst of the configuration
		{Scenario{Steps: []Step{{1, "rate=1M"}}, Repeat: 1}, "repeat 1ns: must be after"},
		// It makes sense once, and not when it is repeated.
		{Scenario{Steps: []Step{{1, "loss=0.5"}, {2, "burst=50"}, {3, "loss=0.95"}, {4, "burst=20"}, {5, "loss=0.5"}, {6, "burst=1.5"}, {7, "burst=1"}, {8, "loss=0.9"}, {9, "burst=9"}}}, ""},
	} {
		err := test.scenario.Validate(Config{Burst: 5})
		if test.explains == "" && err != nil || test.explains != "" && (err == nil || !strings.Contains(err.Error(), test.explains)) {
			t.Errorf("%+v: %v, want %q", test.scenario, err, test.explains)
		}
	}
}

func FuzzParseScenario(f *testing.F) {
	f.Add("0s: rate=20M delay=30ms\n10s: up.loss=5% down.rate=2M\n12s: blackout=3s\nrepeat 30s\n")
	f.Add("1ns: queue=codel police=1M+5k\nrepeat 2ns")
	f.Fuzz(func(t *testing.T, text string) {
		up, _, err := ParseScenario(text)
		if err != nil || up.Validate(Config{}) != nil {
			return
		}
		s := newScript(t, Config{})
		s.link.Follow(up)
		for range 30 {
			s.admit(1000)
			s.advance(time.Second)
		}
	})
}
