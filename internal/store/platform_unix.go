//go:build linux || darwin || freebsd

package store

import (
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// openNonblock keeps the opening of a FIFO from waiting for its writer. On
	// regular files it has no effect.
	openNonblock = unix.O_NONBLOCK

	// folderSync says that a folder can and must be synced for its names to last.
	folderSync = true
)

var (
	spaceErrors       = []syscall.Errno{unix.ENOSPC, unix.EDQUOT}
	diskErrors        = []syscall.Errno{unix.EIO, unix.EROFS, unix.ENODEV, unix.ENXIO, unix.ESTALE}
	unsupportedErrors = []syscall.Errno{unix.EPERM, unix.EINVAL}
)

// processUmask is read while the program is being initialized. The only way to
// read it is to set it, which files made by other goroutines would feel later.
var processUmask = readUmask()

func readUmask() fs.FileMode {
	mask := syscall.Umask(0o077)
	syscall.Umask(mask)
	return fs.FileMode(mask).Perm()
}

// checkPlatformName has nothing to add to CheckName.
func checkPlatformName(string) error { return nil }

// changeTime returns when the inode last changed: unlike the modification
// time, nobody can set it back. It is zero where the system does not tell.
func changeTime(file *os.File) time.Time {
	var stat unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
		return time.Time{}
	}
	return time.Unix(stat.Ctim.Unix())
}

// diskUsage returns the bytes that are free for this user, and all there are,
// on the disk that holds the folder.
func diskUsage(folder *os.File) (free, total uint64, err error) {
	var stat unix.Statfs_t
	if err := unix.Fstatfs(int(folder.Fd()), &stat); err != nil {
		return 0, 0, os.NewSyscallError("fstatfs", err)
	}
	block := uint64(stat.Bsize)
	// FreeBSD counts what is available as a signed number, below zero when the
	// superuser has used the reserve.
	available := max(int64(stat.Bavail), 0)
	return uint64(available) * block, stat.Blocks * block, nil
}
