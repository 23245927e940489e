package doctor

import (
	"os"

	"golang.org/x/sys/windows"
)

// diskSpace returns the bytes that are free for this user, and all there are,
// on the disk that holds the folder.
func diskSpace(dir string) (free, total uint64, err error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	var allFree uint64
	err = windows.GetDiskFreeSpaceEx(path, &free, &total, &allFree)
	return free, total, os.NewSyscallError("GetDiskFreeSpaceEx", err)
}
