//go:build !linux

package e2e

// memory returns how many bytes of a process are resident, where there is a
// way to know.
func memory(*process) (resident int, known bool) { return 0, false }
