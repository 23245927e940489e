//go:build linux || darwin || freebsd

package doctor

import "golang.org/x/sys/unix"

// descriptorLimit returns how many files may be open at once. A program in Go
// raises the soft limit to the hard one by itself (package os), so the hard
// one counts.
func descriptorLimit() (limit uint64, known bool) {
	var r unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r)
	return uint64(r.Max), err == nil
}
