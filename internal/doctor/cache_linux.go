package doctor

import (
	"os"

	"golang.org/x/sys/unix"
)

// dropCache has the kernel forget what it holds of a file that is on the disk,
// so that reading it reads the disk.
func dropCache(file *os.File) bool {
	return unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED) == nil
}

// inMemory reports whether the file is on a disk that only exists in memory.
func inMemory(file *os.File) bool {
	var stat unix.Statfs_t
	if unix.Fstatfs(int(file.Fd()), &stat) != nil {
		return false
	}
	return uint32(stat.Type) == unix.TMPFS_MAGIC || uint32(stat.Type) == unix.RAMFS_MAGIC
}
