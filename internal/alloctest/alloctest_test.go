package alloctest

import "testing"

var kept []*int

func TestLeast(t *testing.T) {
	calls := 0
	for _, test := range []struct {
		name string
		f    func()
		want float64
	}{
		{"nothing", func() {}, 0},
		{"three each time", func() { kept = []*int{new(int), new(int)} }, 3},
		{"now and then", func() {
			if calls++; calls%3 == 0 {
				kept = append(kept[:0:0], new(int))
			}
		}, 0},
	} {
		if got := Least(test.f); got != test.want {
			t.Errorf("%s: %v allocations, want %v", test.name, got, test.want)
		}
	}
}
