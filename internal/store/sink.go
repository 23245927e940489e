package store

import (
	"errors"
	"io"
	"sync/atomic"
)

// A Sink takes the bytes of one received file, in any order, and ends with
// exactly one of Commit and Abort. A Part is the Sink that keeps them.
type Sink interface {
	io.WriterAt

	// ReadAt reads back what was written.
	io.ReaderAt

	// Commit makes the file appear, complete and durable. The Sink has ended
	// whatever Commit returns.
	Commit() error

	// Abort drops all that was written. It may be called at any time and any
	// number of times; after Commit it does nothing.
	Abort() error
}

var (
	_ Sink = (*Part)(nil)
	_ Sink = (*Discard)(nil)
)

// Discard is a Sink that counts the bytes and throws them away, for transfers
// larger than a test machine's disk. The zero value is ready to use.
type Discard struct {
	written atomic.Int64
}

// WriteAt drops the bytes.
func (d *Discard) WriteAt(b []byte, _ int64) (int, error) {
	d.written.Add(int64(len(b)))
	return len(b), nil
}

// ReadAt fails with errors.ErrUnsupported: the bytes are gone.
func (d *Discard) ReadAt([]byte, int64) (int, error) { return 0, errors.ErrUnsupported }

// Commit does nothing.
func (d *Discard) Commit() error { return nil }

// Abort does nothing.
func (d *Discard) Abort() error { return nil }

// Written returns how many bytes WriteAt was given, repeated ones included.
func (d *Discard) Written() int64 { return d.written.Load() }
