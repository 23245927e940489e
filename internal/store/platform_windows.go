package store

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

const (
	openNonblock = 0     // no FIFO lives in a folder
	folderSync   = false // FlushFileBuffers refuses folders
)

var (
	spaceErrors = []syscall.Errno{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED}
	diskErrors  = []syscall.Errno{
		windows.ERROR_CRC, windows.ERROR_IO_DEVICE, windows.ERROR_NOT_READY, windows.ERROR_READ_FAULT, windows.ERROR_WRITE_FAULT,
		windows.ERROR_WRITE_PROTECT,
	}
	unsupportedErrors = []syscall.Errno{windows.ERROR_INVALID_FUNCTION, windows.ERROR_INVALID_PARAMETER}
)

// processUmask takes nothing away: Windows has access lists in its place.
var processUmask fs.FileMode

// checkPlatformName refuses the characters that CheckName lets pass for the
// sake of other systems. A colon would write an alternate data stream.
func checkPlatformName(name string) error {
	if strings.ContainsAny(name, `<>:"|?*`) {
		return errors.New("the name contains a character that Windows reserves")
	}
	return nil
}

// changeTime is zero: the system does not tell it cheaply.
func changeTime(*os.File) time.Time { return time.Time{} }

// diskUsage returns the bytes that are free for this user, and all there are,
// on the disk that holds the folder.
func diskUsage(folder *os.File) (free, total uint64, err error) {
	path, err := windows.UTF16PtrFromString(folder.Name())
	if err != nil {
		return 0, 0, err
	}
	var allFree uint64
	err = windows.GetDiskFreeSpaceEx(path, &free, &total, &allFree)
	return free, total, os.NewSyscallError("GetDiskFreeSpaceEx", err)
}
