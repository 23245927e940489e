package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// A rig is what all measurements of a run share: the file, the room for its
// copies, the networks and the programs.
type rig struct {
	options
	area     string // on a tmpfs
	source   string // the file that is moved
	copies   string // the folder in which copies of it are made, emptied for each run
	state    string // home of keys and known hosts
	uft      string // the built programs
	medium   string
	self     string // the bench, for its workers
	networks []network
	skipped  []string // what could not be had, and why
	mounted  bool
	shared   bool // copies is for everybody, as the case buffers needs it
}

// newRig prepares everything. The first touch of memory that the host has not
// given to a virtual machine yet is slow, so the room for the copies is
// written once before anything is measured.
func newRig(ctx context.Context, o options) (*rig, error) {
	r, err := newEmptyRig(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, name := range o.networks {
		if name == "loopback" {
			r.networks = append(r.networks, loopback())
		} else if n, err := vethPair(ctx); err != nil {
			r.skip("the veth pair is left out: %v", err)
		} else {
			r.networks = append(r.networks, n)
		}
	}
	if len(r.networks) == 0 {
		r.close()
		return nil, errors.New("there is no network to measure on")
	}
	return r, nil
}

// newEmptyRig prepares everything but the networks.
func newEmptyRig(ctx context.Context, o options) (_ *rig, err error) {
	if o.install {
		if err := installPackages(ctx); err != nil {
			return nil, err
		}
	}
	r := &rig{
		options: o,
		uft:     filepath.Join(o.root, "bin", "uft"), medium: filepath.Join(o.root, "bin", "medium"),
	}
	if r.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if missing := needs("diffutils", "cmp", "diff")(r); missing != "" {
		return nil, errors.New(missing)
	}
	for _, program := range []string{r.uft, r.medium} {
		if _, err := os.Stat(program); err != nil {
			return nil, fmt.Errorf("%w: run make build first", err)
		}
	}
	if err := r.makeArea(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// makeArea makes the folders on a tmpfs.
func (r *rig) makeArea() error {
	base := r.dir
	if base == "" {
		base = "/dev/shm"
	}
	need := 3*max(r.size, int64(r.count)<<20) + 64<<20 // the case many has count MiB
	var fs unix.Statfs_t
	err := unix.Statfs(base, &fs)
	fits := err == nil && fs.Type == unix.TMPFS_MAGIC && int64(fs.Bavail)*fs.Bsize >= need
	if !fits && r.dir != "" {
		return fmt.Errorf("%s is not a tmpfs with %s of room", base, sizeText(need))
	}
	if !fits {
		base = os.TempDir()
	}
	area, err := os.MkdirTemp(base, "uft-bench.")
	if err != nil {
		return err
	}
	r.area = area
	if !fits {
		if err := syscall.Mount("tmpfs", area, "tmpfs", 0, fmt.Sprintf("size=%d", need)); err != nil {
			return fmt.Errorf("/dev/shm has no room for %s, and mounting a tmpfs needs root: %w", sizeText(need), err)
		}
		r.mounted = true
	}
	r.source, r.copies, r.state = filepath.Join(area, "source", "file.bin"), filepath.Join(area, "copies"), filepath.Join(area, "state")
	for _, dir := range []string{filepath.Dir(r.source), r.copies, r.state} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return os.Chmod(area, 0o755) // the case buffers runs uft as nobody
}

// close removes everything that the rig has made.
func (r *rig) close() {
	for _, n := range r.networks {
		n.remove()
	}
	if r.mounted {
		_ = syscall.Unmount(r.area, syscall.MNT_DETACH)
	}
	if r.area != "" {
		_ = os.RemoveAll(r.area)
	}
}

// skip notes, once, that something is left out.
func (r *rig) skip(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if !slices.Contains(r.skipped, message) {
		fmt.Println("  " + message)
		r.skipped = append(r.skipped, message)
	}
}

// makeSource writes the file that is moved: random bytes, the same in every
// run. Then it writes twice its size into the room for copies and frees it.
func (r *rig) makeSource(ctx context.Context) error {
	if info, err := os.Stat(r.source); err == nil && info.Size() == r.size {
		return nil
	}
	if err := writeRandom(r.source, r.size, 1); err != nil {
		return err
	}
	for _, name := range []string{"warm1", "warm2"} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := writeRandom(filepath.Join(r.copies, name), r.size, 2); err != nil {
			return err
		}
	}
	return r.emptyCopies()
}

// emptyCopies makes room for the next copy.
func (r *rig) emptyCopies() error {
	if err := replaceFolder(r.copies); err != nil {
		return err
	}
	if r.shared {
		return os.Chmod(r.copies, 0o777)
	}
	return nil
}

// replaceFolder puts an empty folder in the place of one.
func replaceFolder(dir string) error {
	return errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o755))
}

// writeRandom writes a file of random bytes.
func writeRandom(path string, size int64, seed byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	if _, err := io.CopyN(w, rand.NewChaCha8([32]byte{seed}), size); err != nil {
		return err
	}
	return errors.Join(w.Flush(), f.Sync(), f.Close())
}

// same fails unless cmp finds two files identical.
func same(a, b string) error {
	if out, err := exec.Command("cmp", a, b).CombinedOutput(); err != nil {
		return fmt.Errorf("the copy is wrong: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// freePort returns a port that is free on loopback. The namespaces of a veth
// pair are empty, so there every port is.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// within returns a context that ends with the time limit of one transfer.
func (r *rig) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, r.limit)
}
