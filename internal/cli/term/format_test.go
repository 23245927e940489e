package term

import (
	"bytes"
	"math"
	"testing"
	"time"
)

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB",
		1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB", 64 << 20: "64.0 MiB", 5 << 30: "5.0 GiB",
		math.MaxInt64: "8.0 EiB", -1: "-1 B",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestRate(t *testing.T) {
	for bits, want := range map[float64]string{
		0: "0 bit/s", 800: "800 bit/s", 999.4: "999 bit/s", 999.6: "1.0 kbit/s", 8000: "8.0 kbit/s",
		93.1e6: "93.1 Mbit/s", 999.96e6: "1.0 Gbit/s", 1.5e9: "1.5 Gbit/s", 2e15: "2000.0 Tbit/s",
		math.Inf(1): "? bit/s",
	} {
		if got := Rate(bits); got != want {
			t.Errorf("Rate(%g) = %q, want %q", bits, got, want)
		}
	}
	if got := Rate(math.NaN()); got != "? bit/s" {
		t.Errorf("Rate(NaN) = %q", got)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                               "0 µs",
		340 * time.Microsecond:          "340 µs",
		45 * time.Millisecond:           "45 ms",
		12340 * time.Millisecond:        "12.3 s",
		59940 * time.Millisecond:        "59.9 s",
		59960 * time.Millisecond:        "1 min 00 s",
		125 * time.Second:               "2 min 05 s",
		59*time.Minute + 59*time.Second: "59 min 59 s",
		time.Hour - time.Millisecond:    "1 h 00 min",
		187 * time.Minute:               "3 h 07 min",
		-time.Second:                    "-1.0 s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
	Duration(math.MinInt64) // must end
}

func TestPercent(t *testing.T) {
	for share, want := range map[float64]string{
		0: "0.0 %", 0.0001: "<0.1 %", 0.0005: "0.1 %", 0.051: "5.1 %", 1: "100.0 %",
	} {
		if got := Percent(share); got != want {
			t.Errorf("Percent(%g) = %q, want %q", share, got, want)
		}
	}
	if got := Percent(math.NaN()); got != "? %" {
		t.Errorf("Percent(NaN) = %q", got)
	}
}

func TestSummary(t *testing.T) {
	tests := []struct {
		name string
		in   Summary
		want string
	}{
		{"whole", Summary{
			Verb: "sent", Name: "film.mkv", Bytes: 64 << 20, Elapsed: 5800 * time.Millisecond,
			GoodputBits: 92.6e6, GrossBits: 98.1e6, Loss: 0.051, Retransmitted: 0.056, Hash: "uft1:00ff",
		}, "sent film.mkv: 64.0 MiB in 5.8 s, 92.6 Mbit/s (98.1 Mbit/s gross), loss 5.1 %, retransmitted 5.6 %\n" +
			"uft1:00ff  film.mkv\n"},
		{"limited", Summary{
			Verb: "sent", Name: "a", Bytes: 1, Elapsed: time.Second, GoodputBits: 8, Limit: "the path (93.0 Mbit/s)",
		}, "sent a: 1 B in 1.0 s, 8 bit/s, loss 0.0 %, retransmitted 0.0 %, limited by the path (93.0 Mbit/s)\n"},
		{"receiver without the gross rate", Summary{
			Verb: "received", Name: "empty", Elapsed: 45 * time.Millisecond, Loss: -1, Retransmitted: -1,
		}, "received empty: 0 B in 45 ms, 0 bit/s\n"},
		{"already there", Summary{
			Verb: "sent", Name: "film.mkv", Bytes: 1 << 30, AlreadyThere: true, Hash: "uft1:00ff",
		}, "film.mkv: the very same file is already there, 1.0 GiB not sent again\nuft1:00ff  film.mkv\n"},
		{"hostile name", Summary{
			Verb: "received", Name: "a\x1b[2J\nb", Bytes: 1, Elapsed: time.Second, GoodputBits: 8,
		}, "received a\\x1b[2J\\nb: 1 B in 1.0 s, 8 bit/s, loss 0.0 %, retransmitted 0.0 %\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			test.in.Print(&out, Lines)
			if out.String() != test.want {
				t.Errorf("got\n%swant\n%s", out.String(), test.want)
			}
			out.Reset()
			test.in.Print(&out, Quiet)
			if out.Len() != 0 {
				t.Errorf("quiet, yet printed %q", out.String())
			}
		})
	}
}
