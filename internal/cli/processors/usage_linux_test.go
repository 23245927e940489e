package processors

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const stat = `cpu  10132153 290696 3084719 46828483 16683 0 25195 0 0 0
cpu0 100 20 30 4000 500 6 7 8 90 100
cpu1 1 2 3 4000 5 6 7
cpu10 1000 0 0 0 0
intr 199292 0 cpu3 9
`

func TestBusyTime(t *testing.T) {
	for _, test := range []struct {
		name    string
		allowed func(int) bool
		want    time.Duration // in hundredths of a second
	}{
		{"all", func(int) bool { return true }, 171 + 19 + 1000},
		{"the first", func(n int) bool { return n == 0 }, 171},
		{"the last", func(n int) bool { return n == 10 }, 1000},
		{"none", func(int) bool { return false }, 0},
	} {
		got, err := busyTime([]byte(stat), test.allowed)
		if err != nil || got != test.want*10*time.Millisecond {
			t.Errorf("%s: %v, %v, want %v", test.name, got, err, test.want*10*time.Millisecond)
		}
	}
	for _, broken := range []string{"cpux 1 2 3 4 5", "cpu0 1 2 3", "cpu0 1 x 3 4 5"} {
		if _, err := busyTime([]byte(broken), func(int) bool { return true }); err == nil {
			t.Errorf("%q is understood", broken)
		}
	}
}

// TestLongUsage: of more lines than fit into memory those count that do.
func TestLongUsage(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "stat"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(stat); err != nil {
		t.Fatal(err)
	}
	u := &usage{stat: file}
	defer u.close()
	u.allowed.Fill()
	second := strings.Index(stat, "cpu1 ")
	for length := range len(stat) + 10 {
		u.buf = make([]byte, max(length, 1))
		got, err := u.read()
		want := time.Duration(0)
		for _, line := range []struct {
			end  int
			busy time.Duration
		}{{second, 171}, {strings.Index(stat, "cpu10 "), 19}, {strings.Index(stat, "intr"), 1000}} {
			if length >= line.end {
				want += line.busy * 10 * time.Millisecond
			}
		}
		if err != nil || got.busy != want {
			t.Fatalf("of %d bytes: %v, %v, want %v", length, got.busy, err, want)
		}
	}
}

// TestUsage: what this machine says hangs together.
func TestUsage(t *testing.T) {
	u, err := openUsage()
	if err != nil {
		t.Skip(err)
	}
	defer u.close()
	before, err := u.read()
	if err != nil {
		t.Fatal(err)
	}
	after := before
	for after.own-before.own < 100*time.Millisecond || after.busy == before.busy {
		if after.at.Sub(before.at) > time.Minute {
			t.Skip("this system does not count what its processors do")
		}
		if after, err = u.read(); err != nil { // which is work
			t.Fatal(err)
		}
	}
	// The system may count the end of a slice of time a little late.
	if elapsed := after.at.Sub(before.at); after.own-before.own > time.Duration(u.processors)*(elapsed+50*time.Millisecond) {
		t.Errorf("%v of work in %v on %d processors", after.own-before.own, elapsed, u.processors)
	}
}
