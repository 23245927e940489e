package store

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// mountSmall mounts a memory file system of 64 KiB, or skips the test.
func mountSmall(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	dir := mountSmall(t)
	if _, err := open(t, dir, Options{}).Create("a", Meta{Size: 63 << 10}, false); !errors.Is(err, ErrNoSpace) {
		t.Errorf("Create beyond the reserve = %v, want ErrNoSpace", err)
	}
	part, err := open(t, dir, Options{FreeFraction: -1}).Create("a", Meta{Size: 1 << 20}, false)
	if err != nil {
		t.Fatal(err)
	}
	_, err = part.WriteAt(make([]byte, 1<<20), 0)
	if !errors.Is(err, ErrNoSpace) || !errors.Is(err, unix.ENOSPC) || !IsDiskError(err) {
		t.Errorf("WriteAt = %v, want ErrNoSpace by ENOSPC", err)
	}
	if err := part.Abort(); err != nil {
		t.Error(err)
	}
	wantNames(t, dir)
}

func TestReadOnlyDisk(t *testing.T) {
	dir := mountSmall(t)
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Skipf("cannot make a disk read-only: %v", err)
	}
	if _, err := open(t, dir, Options{}).Create("a", Meta{}, false); !IsDiskError(err) || !errors.Is(err, unix.EROFS) {
		t.Errorf("Create = %v, want EROFS", err)
	}
}

// TestSourceWithoutSize: files of /proc claim to be empty and are not. Sending
// nothing must not pass for success.
func TestSourceWithoutSize(t *testing.T) {
	source, err := OpenSourcePath("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	defer source.Close()
	if err := source.Unchanged(); !errors.Is(err, ErrChanged) {
		t.Errorf("Unchanged = %v, want ErrChanged", err)
	}
}
