package processors

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// usage reads what the processors have done.
type usage struct {
	stat       *os.File // /proc/stat
	allowed    unix.CPUSet
	processors int // that the program may use
	buf        []byte
}

// longestUsage holds the lines of as many processors as a CPUSet does, in bytes.
const longestUsage = 128 << 10

func openUsage() (*usage, error) {
	u := &usage{buf: make([]byte, longestUsage)}
	if err := unix.SchedGetaffinity(0, &u.allowed); err != nil {
		return nil, err
	}
	u.processors = u.allowed.Count()
	var err error
	if u.stat, err = os.Open("/proc/stat"); err != nil {
		return nil, err
	}
	return u, nil
}

func (u *usage) close() { u.stat.Close() }

func (u *usage) read() (reading, error) {
	n, err := u.stat.ReadAt(u.buf, 0)
	if n == 0 {
		return reading{}, err
	}
	text := u.buf[:n]
	text = text[:bytes.LastIndexByte(text, '\n')+1] // what is cut off would be read as less
	busy, err := busyTime(text, u.allowed.IsSet)
	if err != nil {
		return reading{}, err
	}
	var own unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &own); err != nil {
		return reading{}, err
	}
	return reading{
		at:   time.Now(),
		busy: busy,
		own:  time.Duration(own.Utime.Nano() + own.Stime.Nano()),
	}, nil
}

// userHZ is how many of /proc/stat's units are a second, on every architecture
// that Go runs on.
const userHZ = 100

// What stands in a line of /proc/stat behind the processor's name: user, nice,
// system, idle, iowait, irq, softirq, steal, and guest times that user and nice
// include (proc_stat(5)).
const (
	fieldIdle   = 3
	fieldIOWait = 4
	fieldSteal  = 7
)

// busyTime returns how long the allowed processors were not idle, by the text of
// /proc/stat. Time that the host of a virtual machine took away is busy: nobody
// here could use it.
func busyTime(stat []byte, allowed func(processor int) bool) (time.Duration, error) {
	var units int64
	for line := range bytes.Lines(stat) {
		fields := bytes.Fields(line)
		if len(fields) == 0 || !bytes.HasPrefix(fields[0], []byte("cpu")) {
			break // processors come first
		}
		name := fields[0][len("cpu"):]
		if len(name) == 0 {
			continue // the sum of all
		}
		processor, err := strconv.Atoi(string(name))
		if err != nil || len(fields) <= 1+fieldIOWait {
			return 0, fmt.Errorf("/proc/stat: not understood: %q", line)
		}
		if !allowed(processor) {
			continue
		}
		for i, field := range fields[1:] {
			if i == fieldIdle || i == fieldIOWait || i > fieldSteal {
				continue
			}
			n, err := strconv.ParseInt(string(field), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("/proc/stat: %w", err)
			}
			units += n
		}
	}
	return time.Duration(units) * (time.Second / userHZ), nil
}
