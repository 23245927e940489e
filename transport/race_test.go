//go:build race

package transport

// raceEnabled tells that the race detector watches.
const raceEnabled = true
