// Package alloctest counts what code allocates, for tests that hold it to
// nothing or little.
package alloctest

import "testing"

// runs is how often the code is measured.
const runs = 5

// Least returns the allocations of the run of f that had the fewest. What f
// allocates each time is in all of them. What the runtime allocates now and then
// on its own account - a worker that starts, a pool that a collection emptied -
// is in some, because the count is the whole program's.
func Least(f func()) float64 {
	least := testing.AllocsPerRun(1, f)
	for range runs - 1 {
		least = min(least, testing.AllocsPerRun(1, f))
	}
	return least
}
