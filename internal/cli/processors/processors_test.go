package processors

import (
	"errors"
	"runtime"
	"testing"
	"time"
)

// used is what others and we used in a second, in hundredths of a processor.
type used struct{ others, own int }

func TestShareFollows(t *testing.T) {
	times := func(n int, u used) []used {
		all := make([]used, n)
		for i := range all {
			all[i] = u
		}
		return all
	}
	for _, test := range []struct {
		name       string
		processors int
		most       int
		periods    []used
		want       int
	}{
		{"nobody else", 2, 2, times(5, used{0, 190}), 2},
		{"idle", 2, 2, times(5, used{0, 0}), 2},
		{"the other end beside us", 2, 2, times(5, used{95, 95}), 1},
		{"the kernel's work for us", 2, 2, times(5, used{30, 160}), 2},
		{"everything taken", 4, 4, times(5, used{380, 20}), 1},
		{"one period says nothing", 2, 2, append(times(5, used{0, 190}), used{100, 95}), 2},
		{"and back", 2, 2, append(times(5, used{95, 95}), times(2, used{0, 95})...), 2},
		{"half of the machine", 8, 8, times(3, used{400, 200}), 4},
		{"no more than Go found, in a container", 8, 2, times(5, used{100, 200}), 2},
		{"counts that disagree", 2, 2, times(5, used{-20, 200}), 2},
	} {
		s := share{most: test.most, now: test.most}
		var before reading
		changes := 0
		for i, u := range test.periods {
			after := before
			after.at = time.Unix(int64(i+1), 0)
			after.own += time.Duration(u.own) * time.Second / 100
			after.busy += time.Duration(u.own+u.others) * time.Second / 100
			if i > 0 && s.follow(test.processors, before, after) {
				changes++
			}
			before = after
		}
		if s.now != test.want {
			t.Errorf("%s: %d processors, want %d", test.name, s.now, test.want)
		}
		if (changes > 0) != (test.want != test.most || test.name == "and back") {
			t.Errorf("%s: %d changes", test.name, changes)
		}
	}
}

func TestShareWithoutTime(t *testing.T) {
	s := share{most: 2, now: 2, next: 1}
	same := reading{at: time.Unix(1, 0)}
	if s.follow(2, same, same) {
		t.Error("a period of no length changed something")
	}
}

// TestFollowEnds: a system that tells no more leaves the program all processors.
func TestFollowEnds(t *testing.T) {
	before := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(before)
	var at time.Duration
	fewest := 4
	follow(t.Context(), func() (reading, error) {
		fewest = min(fewest, runtime.GOMAXPROCS(0))
		if at++; at > 5 {
			return reading{}, errors.New("nothing")
		}
		return reading{at: time.Unix(int64(at), 0), busy: 4 * at * time.Second}, nil
	}, 4, 4)
	if now := runtime.GOMAXPROCS(0); fewest != 1 || now != 4 {
		t.Errorf("%d processors at the fewest, want 1, and %d in the end, want 4", fewest, now)
	}
}
