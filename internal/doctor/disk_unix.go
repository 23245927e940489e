//go:build linux || darwin || freebsd

package doctor

import (
	"os"

	"golang.org/x/sys/unix"
)

// diskSpace returns the bytes that are free for this user, and all there are,
// on the disk that holds the folder.
func diskSpace(dir string) (free, total uint64, err error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, 0, os.NewSyscallError("statfs", err)
	}
	block := uint64(stat.Bsize)
	// FreeBSD counts what is available as a signed number, below zero when the
	// superuser has used the reserve.
	return uint64(max(int64(stat.Bavail), 0)) * block, stat.Blocks * block, nil
}
