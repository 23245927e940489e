package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"runtime"
	"time"

	"example.com/uft/internal/cli/term"
)

// Bounds of the measurement of a disk, implementation constants.
const (
	diskPiece    = 8 << 20   // bytes between two waits for the disk
	diskMost     = 256 << 20 // bytes written
	diskLeast    = 64 << 20  // free bytes below which nothing is written
	diskWriting  = 1300 * time.Millisecond
	diskReading  = 500 * time.Millisecond
	reservedPart = 20 // a transfer leaves one part in this many of the disk free
)

// checkDisk measures the disk of the folder, and how much room there is.
func checkDisk(ctx context.Context, options Options) []Finding {
	space, free := checkSpace(options.Dir)
	if free >= 0 && free < diskLeast {
		return []Finding{space}
	}
	speed := checkDiskSpeed(ctx, options.Dir, free)
	if space.Check == "" {
		return []Finding{speed}
	}
	return []Finding{speed, space}
}

// checkSpace says how many bytes are free, -1 where the system does not tell.
func checkSpace(dir string) (f Finding, free int64) {
	available, total, err := diskSpace(dir)
	if err != nil || total == 0 {
		return Finding{}, -1
	}
	return weighSpace(dir, available, total), int64(min(available, 1<<62))
}

// weighSpace weighs the free bytes of a disk.
func weighSpace(dir string, free, total uint64) Finding {
	f := Finding{
		Check: "disk space", Verdict: OK,
		Text:   fmt.Sprintf("%s free of %s", term.Bytes(int64(free)), term.Bytes(int64(total))),
		Values: map[string]any{"folder": dir, "free_bytes": free, "total_bytes": total},
	}
	if free < total/reservedPart {
		f.Verdict = Fix
		f.Text += "; nothing is received, since 5 % stay free"
		f.Fix = "remove files from that disk, or choose another folder with -d DIR"
	}
	return f
}

// checkDiskSpeed writes and reads a temporary file. Where open files may lose
// their names it has none from the start, so that nothing can leave it behind.
func checkDiskSpeed(ctx context.Context, dir string, free int64) Finding {
	f := Finding{Check: "disk", Verdict: OK, Values: map[string]any{"folder": dir}}
	file, err := os.CreateTemp(dir, ".uft-doctor-*")
	if err != nil {
		f.Verdict = Fix
		f.Text = fmt.Sprintf("nothing can be written there: %v", cause(err))
		f.Fix = "choose a folder that is yours with -d DIR"
		return f
	}
	if os.Remove(file.Name()) != nil {
		defer os.Remove(file.Name())
	}
	defer file.Close() //nolint:errcheck // it has no name any more, or goes with its name
	most := int64(diskMost)
	if free >= 0 {
		most = min(most, free/2)
	}
	written, wrote, err := timeWriting(ctx, file, most)
	if err != nil {
		f.Verdict = Fix
		f.Text = fmt.Sprintf("writing failed after %s: %v", term.Bytes(written), cause(err))
		f.Fix = "choose another folder with -d DIR, or look at the disk: sudo dmesg"
		return f
	}
	cold := dropCache(file)
	read, reading, err := timeReading(ctx, file)
	if err != nil {
		f.Verdict = Fix
		f.Text = fmt.Sprintf("reading back failed: %v", cause(err))
		f.Fix = "look at the disk: sudo dmesg"
		return f
	}
	writeRate, readRate := float64(written)/wrote.Seconds(), float64(read)/reading.Seconds()
	f.Text = fmt.Sprintf("writes %s with fsync, reads %s", diskRate(writeRate), diskRate(readRate))
	switch {
	case inMemory(file):
		f.Text += "; it is memory"
	case !cold:
		f.Text += " (from memory perhaps)"
	}
	f.Values["write_bytes_per_second"], f.Values["read_bytes_per_second"] = int64(writeRate), int64(readRate)
	return f
}

// timeWriting writes pieces and waits for the disk after each, until the size or
// the time is reached.
func timeWriting(ctx context.Context, file io.Writer, most int64) (written int64, elapsed time.Duration, err error) {
	piece := make([]byte, diskPiece)
	var seed [32]byte
	_, _ = rand.NewChaCha8(seed).Read(piece) // never fails; a disk may compress what repeats
	begin := time.Now()
	for written < most && time.Since(begin) < diskWriting && ctx.Err() == nil {
		n, err := file.Write(piece)
		written += int64(n)
		if err == nil {
			if f, ok := file.(interface{ Sync() error }); ok {
				err = f.Sync()
			}
		}
		if err != nil {
			return written, time.Since(begin), err
		}
	}
	return written, max(time.Since(begin), time.Nanosecond), nil
}

// timeReading reads a file from its start until its end or the time is reached.
func timeReading(ctx context.Context, file io.ReaderAt) (read int64, elapsed time.Duration, err error) {
	piece := make([]byte, diskPiece)
	begin := time.Now()
	for time.Since(begin) < diskReading && ctx.Err() == nil {
		n, err := file.ReadAt(piece, read)
		read += int64(n)
		if err == io.EOF { //nolint:errorlint // the documentation of io.ReaderAt says so
			break
		}
		if err != nil {
			return read, time.Since(begin), err
		}
	}
	return read, max(time.Since(begin), time.Nanosecond), nil
}

// diskRate prints a rate of bytes as disks are measured.
func diskRate(bytesPerSecond float64) string {
	if bytesPerSecond >= 1e9 {
		return gigabytes(bytesPerSecond)
	}
	return fmt.Sprintf("%.0f MB/s", bytesPerSecond/1e6)
}

// cause returns what the system said of a file, without the call and the path.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// isWindows reports whether files have access lists in place of permission bits.
func isWindows() bool { return runtime.GOOS == "windows" }
