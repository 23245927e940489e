package store

import (
	"os"
	"slices"
	"sync"
)

// A large file passes through the memory of the machine that it is on, and that
// memory belongs to everybody there (docs/adr/0013-page-cache.md). So the disk is
// told to begin to write as soon as there is something to write, and of files
// that are large beside the memory, what is done with is dropped a good distance
// behind.

const (
	// stretch is the piece of a file, in bytes, that the system is told about at
	// once. It is large enough for a disk to write it in one go, and for the
	// calls to cost nothing.
	stretch = 8 << 20
	// keptBehind is how many stretches stay in memory behind the newest: a
	// receiver reads back what came out of order, and a disk writes meanwhile.
	keptBehind = 8
	// lookedAhead is how many stretches ahead of the reader one is looked at:
	// the system's own reading ahead has not come so far.
	lookedAhead = 8
)

// largeFile is the size in bytes from which on a file is too large to stay in
// memory: a quarter of it. A smaller one that was just sent or received is likely
// to be used next, and fits beside what else is in use.
var largeFile = sync.OnceValue(func() int64 {
	if total := machineMemory(); total > 0 {
		return max(total/4, 256<<20)
	}
	return 1 << 62
})

// stretches follows which pieces of a file are complete, whatever the order of
// its bytes. The zero value is ready to use.
type stretches struct {
	mu       sync.Mutex
	begun    map[int64]int64 // bytes of those that are not complete
	complete []int64         // in the order in which they became so, those passed excepted
	count    int64           // that have been complete
}

// add counts n bytes at an offset, and returns the stretches that they complete.
func (s *stretches) add(offset, n int64) (completed []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n > 0 {
		i := offset / stretch
		part := min(n, (i+1)*stretch-offset)
		if s.begun == nil {
			s.begun = map[int64]int64{}
		}
		if s.begun[i] += part; s.begun[i] >= stretch {
			delete(s.begun, i)
			s.complete = append(s.complete, i)
			s.count++
			completed = append(completed, i)
		}
		offset, n = offset+part, n-part
	}
	return completed
}

// pass returns the oldest complete stretches, all but kept of them, and forgets
// them.
func (s *stretches) pass(kept int) []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.complete) - kept
	if n <= 0 {
		return nil
	}
	passed := slices.Clone(s.complete[:n])
	s.complete = slices.Delete(s.complete, 0, n)
	return passed
}

// bytes returns how many bytes are in stretches that have been complete.
func (s *stretches) bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count * stretch
}

// writeBehind is the passage of a file that is written.
type writeBehind struct {
	stretches

	large int64 // bytes from which on the file is dropped from memory
	size  int64 // that it will have, where that is known
}

// wrote takes notice of n bytes that were written at an offset. An error is one
// of the disk, and final: the system tells it only once.
func (w *writeBehind) wrote(file *os.File, offset, n int64) error {
	completed := w.add(offset, n)
	for _, i := range completed {
		startWriting(file, i*stretch, stretch)
	}
	if len(completed) == 0 || !w.drops() {
		return nil
	}
	for _, i := range w.pass(keptBehind) {
		if err := finishWriting(file, i*stretch, stretch); err != nil {
			return err
		}
		dropFromMemory(file, i*stretch, stretch)
	}
	return nil
}

// drops reports whether the file is too large to stay in memory.
func (w *writeBehind) drops() bool { return max(w.size, w.bytes()) >= w.large }

// synced takes notice that all of the file is on the disk.
func (w *writeBehind) synced(file *os.File) {
	if w.drops() {
		dropFromMemory(file, 0, 0)
	}
}

// readBehind is the passage of a file that is read.
type readBehind struct {
	stretches

	drops bool // the file is too large to stay in memory

	looking sync.Mutex     // guards what follows
	ours    map[int64]bool // stretches that are in memory because of us: they were not there before
	looked  int64          // stretches below this were looked at
}

// begins takes notice that the file is going to be read from its start. Where the
// system does not tell what is in memory already, the file is dropped only if it
// cannot have been there as a whole.
func (r *readBehind) begins(file *os.File, size, large int64) {
	if size >= stretch {
		readSequentially(file)
	}
	if r.drops = size >= large; !r.drops {
		return
	}
	if _, known := isInMemory(file, 0, stretch); !known {
		r.drops = size/4 >= large
	}
}

// reads takes notice that n bytes at an offset are about to be read.
func (r *readBehind) reads(file *os.File, offset, n int64) {
	if !r.drops {
		return
	}
	r.looking.Lock()
	defer r.looking.Unlock()
	if r.ours == nil {
		r.ours = map[int64]bool{}
	}
	for ahead := (offset+n)/stretch + lookedAhead; r.looked <= ahead; r.looked++ {
		if there, _ := isInMemory(file, r.looked*stretch, stretch); !there {
			r.ours[r.looked] = true
		}
	}
}

// read takes notice that n bytes at an offset were read.
func (r *readBehind) read(file *os.File, offset, n int64) {
	if r.drops && len(r.add(offset, n)) > 0 {
		r.drop(file, keptBehind)
	}
}

// drop drops what was read and was not in memory before, but for the newest
// stretches.
func (r *readBehind) drop(file *os.File, kept int) {
	for _, i := range r.pass(kept) {
		if r.takeOurs(i) {
			dropFromMemory(file, i*stretch, stretch)
		}
	}
}

// takeOurs reports whether a stretch is in memory because of us, and forgets it.
func (r *readBehind) takeOurs(i int64) bool {
	r.looking.Lock()
	defer r.looking.Unlock()
	ours := r.ours[i]
	delete(r.ours, i)
	return ours
}

// ends takes notice that no more of the file is read.
func (r *readBehind) ends(file *os.File) {
	if r.drops {
		r.drop(file, 0)
	}
}
