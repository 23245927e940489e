//go:build !race

package matrix

// raceEnabled tells that the race detector watches.
const raceEnabled = false
