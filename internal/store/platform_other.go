//go:build !linux && !darwin && !freebsd && !windows

package store

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

const (
	openNonblock = 0
	folderSync   = true
)

var (
	spaceErrors       = []syscall.Errno{syscall.ENOSPC}
	diskErrors        = []syscall.Errno{syscall.EIO, syscall.EROFS}
	unsupportedErrors = []syscall.Errno{syscall.EPERM, syscall.EINVAL}
)

// processUmask is the careful guess where we do not know how to read it.
var processUmask fs.FileMode = 0o077

func checkPlatformName(string) error { return nil }

func changeTime(*os.File) time.Time { return time.Time{} }

func diskUsage(*os.File) (free, total uint64, err error) { return 0, 0, errors.ErrUnsupported }
