//go:build race

package transfer_test

// raceEnabled says that the race detector makes everything slow.
const raceEnabled = true
