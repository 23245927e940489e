package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// machineMemory returns the bytes of memory that the machine has, 0 where it
// does not tell.
func machineMemory() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	return int64(uint64(info.Totalram) * uint64(info.Unit))
}

// control calls f with the descriptor of an open file, and nothing where it is
// closed.
func control(file *os.File, f func(fd int) error) (err error) {
	raw, failed := file.SyscallConn()
	if failed != nil {
		return failed
	}
	if failed := raw.Control(func(fd uintptr) { err = f(int(fd)) }); failed != nil {
		return failed
	}
	return err
}

// advise gives the system a piece of advice on a range of a file; length 0 means
// up to its end. That it is not taken does no harm.
func advise(file *os.File, offset, length int64, advice int) {
	_ = control(file, func(fd int) error { return unix.Fadvise(fd, offset, length, advice) })
}

// readSequentially makes the system read further ahead.
func readSequentially(file *os.File) { advise(file, 0, 0, unix.FADV_SEQUENTIAL) }

// dropFromMemory drops a range of a file from memory, as far as it is on the disk
// and nobody has mapped it.
func dropFromMemory(file *os.File, offset, length int64) {
	advise(file, offset, length, unix.FADV_DONTNEED)
}

// startWriting lets the disk begin to write a range of a file. It does not wait
// unless the disk has more to do than it can queue.
func startWriting(file *os.File, offset, length int64) {
	// Without waiting no error of the disk is found, and none is lost.
	_ = control(file, func(fd int) error { return unix.SyncFileRange(fd, offset, length, unix.SYNC_FILE_RANGE_WRITE) })
}

// finishWriting waits until a range of a file is written. An error of the disk
// that it finds is found by nobody else any more, not even by fsync.
func finishWriting(file *os.File, offset, length int64) error {
	const all = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	err := control(file, func(fd int) error { return unix.SyncFileRange(fd, offset, length, all) })
	if isUnsupported(err) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ESPIPE) {
		return nil
	}
	return os.NewSyscallError("sync_file_range", err)
}

// isInMemory reports whether any of a range of a file is in memory, and whether
// that is known: before Linux 6.5 the system does not tell, and later ones do not
// tell who could not write to the file.
func isInMemory(file *os.File, offset, length int64) (there, known bool) {
	var stat unix.Cachestat_t
	err := control(file, func(fd int) error {
		return unix.Cachestat(uint(fd), &unix.CachestatRange{Off: uint64(offset), Len: uint64(length)}, &stat, 0)
	})
	return stat.Cache > 0, err == nil
}
