//go:build race

package core_test

// raceEnabled tells that the race detector watches.
const raceEnabled = true
