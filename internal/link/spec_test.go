package link

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		spec string
		want Config
	}{
		{"", Config{}},
		{" ", Config{}},
		{"loss=0.1,delay=30ms", Config{Loss: 0.1, Delay: 30 * time.Millisecond}},
		{" loss = 10% , jitter = 1.5s ", Config{Loss: 0.1, Jitter: 1500 * time.Millisecond}},
		{"loss=1e-3,burst=5", Config{Loss: 0.001, Burst: 5}},
		{"reorder=0.05,duplicate=0.04,corrupt=0.02", Config{Reorder: 0.05, Duplicate: 0.04, Corrupt: 0.02}},
		{"rate=10M,queue=64k", Config{Rate: 10_000_000, QueueBytes: 64_000}},
		{"rate=1.5Gbit/s,queue=64Ki", Config{Rate: 1_500_000_000, QueueBytes: 65_536}},
		{"rate=100kbit/s,queue=50ms", Config{Rate: 100_000, QueueDelay: 50 * time.Millisecond}},
		{"rate=unlimited,queue=1MB", Config{QueueBytes: 1_000_000}},
		{"rate=0,queue=1500", Config{QueueBytes: 1500}},
		{"queue=10m", Config{QueueDelay: 10 * time.Minute}},
		{"queue=10M", Config{QueueBytes: 10_000_000}},
		{"queue=codel", Config{CoDel: CoDel{Target: 5 * time.Millisecond, Interval: 100 * time.Millisecond}}},
		{"queue=codel+ecn", Config{CoDel: CoDel{Target: 5 * time.Millisecond, Interval: 100 * time.Millisecond, ECN: true}}},
		{"queue=codel+1ms", Config{CoDel: CoDel{Target: time.Millisecond, Interval: 100 * time.Millisecond}}},
		{"queue=codel+1s", Config{CoDel: CoDel{Target: time.Second, Interval: 20 * time.Second}}},
		{"queue=codel+1ms+20ms+64k+ecn", Config{QueueBytes: 64_000, CoDel: CoDel{Target: time.Millisecond, Interval: 20 * time.Millisecond, ECN: true}}},
		{"police=10M", Config{Police: 10_000_000}},
		{"police=10M+64k", Config{Police: 10_000_000, PoliceBurst: 64_000}},
		{"police=none", Config{}},
		{"blackout=2s+500ms", Config{Blackouts: []Blackout{{2 * time.Second, 500 * time.Millisecond}}}},
		{"blackout=0+1s,blackout=2s+1s", Config{Blackouts: []Blackout{{0, time.Second}, {2 * time.Second, time.Second}}}},
		{"delay=0,loss=0", Config{}},
		{"loss=1,burst=2", Config{Loss: 1, Burst: 2}},
	} {
		got, err := Parse(test.spec)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", test.spec, got, err, test.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ spec, explains string }{
		{"loss", `"loss" has no value`},
		{"loss=", "between 0 and 1"},
		{"loss=1.5", `loss "1.5": write a probability`},
		{"loss=-0.1", "between 0 and 1"},
		{"loss=NaN", "between 0 and 1"},
		{"loss=101%", "between 0 and 1"},
		{"loss=0.1,loss=0.2", "loss is given twice"},
		{"loss=0.1,", "nothing between two commas"},
		{",", "nothing between two commas"},
		{"lose=0.1", `"lose" is not a word`},
		{"=0.1", `"" is not a word`},
		{"burst=0.5", "at least 1"},
		{"burst=Inf", "at least 1"},
		{"loss=0.9,burst=2", "make the burst at least 9"},
		{"delay=30", `delay "30": write a duration with its unit`},
		{"delay=-1s", "duration with its unit"},
		{"jitter=2000000h", "duration with its unit"},
		{"rate=10MB", `rate "10MB": rates are in bits`},
		{"rate=fast", "number of bit/s"},
		{"queue=0", "from 1 to"},
		{"queue=0s", "number of bytes"},
		{"queue=2Gi", "from 1 to"},
		{"queue=99999999999999999999", "from 1 to"},
		{"queue=big", "number of bytes"},
		{"queue=-5", "number of bytes"},
		{"queue=codel5ms", "codel+TARGET"},
		{"queue=codel+", "codel+TARGET"},
		{"queue=codel+1s+1ms", "at most the interval"},
		{"queue=codel+1s+2s+3s", "codel+TARGET"},
		{"queue=codel+1+2", "codel+TARGET"},
		{"queue=codel+ecn+ecn", "codel+TARGET"},
		{"queue=codel+0s", "codel+TARGET"},
		{"police=10MB", `police "10MB": rates are in bits`},
		{"police=10M+", "write the burst as a number of bytes"},
		{"police=10M+5ms", "write the burst as a number of bytes"},
		{"police=10M+0", "write the burst as a number of bytes"},
		{"blackout=2s", "2s+500ms"},
		{"blackout=2s+0s", "2s+500ms"},
		{"blackout=2+1", "2s+500ms"},
		{"blackout=2s,10s", `blackout "2s": write when it starts`},
		{"blackout=2s+1s,10s", `"10s" has no value`},
		{strings.Repeat("blackout=1s+1s,", maxBlackouts) + "blackout=1s+1s", "too many"},
	} {
		got, err := Parse(test.spec)
		if err == nil {
			t.Errorf("Parse(%.60q) = %+v, want an error", test.spec, got)
			continue
		}
		if text := err.Error(); !strings.Contains(text, test.explains) || strings.Contains(text, "\n") {
			t.Errorf("Parse(%.60q) says %q, want one line with %q", test.spec, text, test.explains)
		}
	}
}

func TestWithPutsWordsInPlace(t *testing.T) {
	common, err := Parse("loss=0.1,rate=10M,queue=64k,blackout=1s+1s,blackout=5s+1s")
	if err != nil {
		t.Fatal(err)
	}
	common.HeaderBytes = 28
	got, err := common.With("loss=0,queue=50ms,blackout=3s+1s")
	want := Config{
		Rate: 10_000_000, QueueDelay: 50 * time.Millisecond, HeaderBytes: 28,
		Blackouts: []Blackout{{3 * time.Second, time.Second}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("With = %+v, %v; want %+v", got, err, want)
	}
	if len(common.Blackouts) != 2 || common.Loss != 0.1 {
		t.Errorf("With changed its receiver: %+v", common)
	}
	got, err = common.With("blackout=none")
	if err != nil || got.Blackouts != nil {
		t.Errorf("blackout=none leaves %v, %v", got.Blackouts, err)
	}
}

func TestSetDoesNotShareBlackouts(t *testing.T) {
	var common Config
	for _, value := range []string{"1s+1s", "2s+1s", "3s+1s"} {
		if err := common.Set("blackout", value); err != nil {
			t.Fatal(err)
		}
	}
	up, down := common, common
	if err := up.Set("blackout", "4s+1s"); err != nil {
		t.Fatal(err)
	}
	if err := down.Set("blackout", "5s+1s"); err != nil {
		t.Fatal(err)
	}
	if up.Blackouts[3].Start != 4*time.Second || down.Blackouts[3].Start != 5*time.Second {
		t.Errorf("up %v, down %v", up.Blackouts, down.Blackouts)
	}
}

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		word string
		c    Config
	}{
		{"loss", Config{Loss: math.NaN()}},
		{"reorder", Config{Reorder: -1}},
		{"duplicate", Config{Duplicate: 2}},
		{"corrupt", Config{Corrupt: math.Inf(1)}},
		{"burst", Config{Burst: math.NaN()}},
		{"burst", Config{Burst: -2}},
		{"loss", Config{Loss: 0.8, Burst: 3}},
		{"delay", Config{Delay: -1}},
		{"jitter", Config{Jitter: math.MaxInt64}},
		{"queue", Config{QueueDelay: -1}},
		{"queue", Config{QueueBytes: -1}},
		{"queue", Config{QueueBytes: 1, QueueDelay: 1}},
		{"rate", Config{Rate: -1}},
		{"rate", Config{Rate: math.MaxInt64}},
		{"rate", Config{Rate: 1, Trace: new(Trace)}},
		{"queue", Config{CoDel: CoDel{Interval: 1}}},
		{"queue", Config{CoDel: CoDel{Target: 2, Interval: 1}}},
		{"queue", Config{CoDel: CoDel{Target: -1, Interval: 1}}},
		{"queue", Config{CoDel: CoDel{Target: 1, Interval: 1}, QueueDelay: 1}},
		{"police", Config{Police: -1}},
		{"police", Config{Police: 1, PoliceBurst: -1}},
		{"police", Config{PoliceBurst: 1}},
		{"header bytes", Config{HeaderBytes: -1}},
		{"blackout", Config{Blackouts: []Blackout{{0, 0}}}},
		{"blackout", Config{Blackouts: []Blackout{{-1, 1}}}},
		{"blackout", Config{Blackouts: make([]Blackout, maxBlackouts+1)}},
	} {
		err := test.c.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), test.word) {
			t.Errorf("%+v: %v, want an error about %s", test.c, err, test.word)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, spec := range []string{
		"", "loss=0.1,burst=5,delay=30ms,jitter=20ms,reorder=5%,duplicate=0.05,corrupt=0.02,rate=10M,queue=64k",
		"queue=50ms,rate=1.5Gbit/s", "blackout=2s+500ms,blackout=0+1h", "loss=0x1p-3", "blackout=none", "queue=10Mi", "rate=0",
		"rate=1M,queue=codel+1ms+20ms+64k+ecn", "police=10M+64k", "police=1,rate=1,queue=codel",
	} {
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		c, err := Parse(spec)
		if err != nil {
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("Parse(%q) gives an invalid configuration: %v", spec, err)
		}
		again, err := Parse(c.String())
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("Parse(%q) = %+v; printed as %q it becomes %+v, %v", spec, c, c.String(), again, err)
		}
		// The link must live with whatever the parser lets through.
		l := New(c, 1)
		for range 20 {
			for _, d := range l.Admit(1, 1064, nil) {
				if d.At < 1 {
					t.Fatalf("Parse(%q): delivery at %v, before it was sent", spec, d.At)
				}
			}
		}
	})
}
