package rate

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		in   string
		want int64
	}{
		{"2500000", 2_500_000},
		{"10M", 10_000_000},
		{"10m", 10_000_000},
		{"1.5Gbit/s", 1_500_000_000},
		{"100kbit/s", 100_000},
		{"8K", 8_000},
		{"8 kbit", 8_000},
		{" 12.346 Mbit/s ", 12_346_000},
		{"1bit/s", 1},
		{"1.9", 1},
		{".5k", 500},
		{"5.k", 5_000},
		{"0.1M", 100_000},
		{"0.123456789G", 123_456_789},
		{"0.1234567899G", 123_456_789},
		{"64kbps", 64_000},
		{"64kb/s", 64_000},
		{"1000T", Max},
	} {
		got, err := Parse(test.in)
		if err != nil || got != test.want {
			t.Errorf("Parse(%q) = %d, %v; want %d", test.in, got, err, test.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ in, explains string }{
		{"", "write a number"},
		{"fast", "write a number"},
		{"M", "write a number"},
		{".", "write a number"},
		{"1.2.3", "write a number"},
		{"-5M", "write a number"},
		{"+5M", "write a number"},
		{"1e6", "write a number"},
		{"10Mi", "write a number"},
		{"10 M bit", "write a number"},
		{"10MB", "not bytes"},
		{"10MB/s", "not bytes"},
		{"0", "at least 1 bit/s"},
		{"0.0001k", "at least 1 bit/s"},
		{"1001T", "highest rate is 1000 Tbit/s"},
		{"1000.1T", "highest rate"},
		{"99999999999999999999999999", "highest rate"},
	} {
		got, err := Parse(test.in)
		if err == nil {
			t.Errorf("Parse(%q) = %d, want an error", test.in, got)
			continue
		}
		if text := err.Error(); !strings.Contains(text, test.explains) || strings.Contains(text, "\n") {
			t.Errorf("Parse(%q) says %q, want one line with %q", test.in, text, test.explains)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, test := range []struct {
		in   int64
		want string
	}{
		{0, "0 bit/s"},
		{1, "1 bit/s"},
		{999, "999 bit/s"},
		{1_000, "1 kbit/s"},
		{2_500_000, "2.5 Mbit/s"},
		{12_345_678, "12.346 Mbit/s"},
		{999_999_999, "1 Gbit/s"},
		{1_500_000_000, "1.5 Gbit/s"},
		{Max, "1000 Tbit/s"},
	} {
		if got := Format(test.in); got != test.want {
			t.Errorf("Format(%d) = %q, want %q", test.in, got, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"2500000", "10M", "1.5Gbit/s", "0.0001k", "10MB", "1000T", ".", "9999999999999999999T"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		bits, err := Parse(s)
		if err != nil {
			return
		}
		if bits < 1 || bits > Max {
			t.Fatalf("Parse(%q) = %d, outside 1 to %d", s, bits, int64(Max))
		}
		// Format rounds, so the way back may differ by its last decimal.
		again, err := Parse(Format(bits))
		if err != nil {
			t.Fatalf("Parse(Format(%d)): %v", bits, err)
		}
		if difference := max(again-bits, bits-again); difference > bits/1000 {
			t.Fatalf("Parse(Format(%d)) = %d", bits, again)
		}
	})
}
