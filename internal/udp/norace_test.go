//go:build !race

package udp

// raceEnabled tells that the race detector watches.
const raceEnabled = false
