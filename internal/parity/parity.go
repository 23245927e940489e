// Package parity computes the redundant blocks that repair the end of a
// transfer, and from them the blocks that were lost: systematic Reed–Solomon
// codes over GF(2^8) with a Cauchy matrix (docs/protocol.md §9.4).
//
// Share j of a group of k blocks is the sum, over i, of block i times
// 1 / ((k + j) XOR i) in GF(2^8) with the polynomial 0x11d. No share depends on
// how many others there are, so a sender may make more of them at any time, and
// any k of blocks and shares together give all k blocks.
//
// The package is pure: it keeps nothing between calls and starts no goroutine.
package parity

import (
	"errors"
	"fmt"

	"github.com/klauspost/reedsolomon"
)

// MaxMembers is how many blocks and shares a group has together, at most: the
// elements of GF(2^8).
const MaxMembers = 256

// Share is one redundant block of a group.
type Share struct {
	Index int // from 0
	Bytes []byte
}

// ErrGroup says that the blocks and shares given cannot be those of one group.
var ErrGroup = errors.New("parity: not a group")

// Encode returns count shares of the group of blocks, all of one length.
func Encode(blocks [][]byte, count int) ([][]byte, error) {
	if count < 1 {
		return nil, fmt.Errorf("%w: %d shares", ErrGroup, count)
	}
	code, err := newCode(len(blocks), count)
	if err != nil {
		return nil, err
	}
	size := len(blocks[0])
	memory := make([]byte, count*size)
	members := make([][]byte, 0, len(blocks)+count)
	members = append(members, blocks...)
	for i := range count {
		members = append(members, memory[i*size:(i+1)*size:(i+1)*size])
	}
	if err := code.Encode(members); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGroup, err)
	}
	return members[len(blocks):], nil
}

// Repair fills in the blocks that are missing, which are nil, in memory of
// their own. It needs as many shares as blocks are missing; more are of no use.
func Repair(blocks [][]byte, shares []Share) error {
	highest := -1
	for _, s := range shares {
		if s.Index < 0 || s.Index >= MaxMembers {
			return fmt.Errorf("%w: share %d", ErrGroup, s.Index)
		}
		highest = max(highest, s.Index)
	}
	code, err := newCode(len(blocks), highest+1)
	if err != nil {
		return err
	}
	members := make([][]byte, len(blocks)+highest+1)
	copy(members, blocks)
	for _, s := range shares {
		members[len(blocks)+s.Index] = s.Bytes
	}
	if err := code.ReconstructData(members); err != nil {
		return fmt.Errorf("%w: %w", ErrGroup, err)
	}
	copy(blocks, members)
	return nil
}

// newCode makes the code of k blocks and count shares. The options keep all
// work in the calling goroutine and nothing in memory afterwards.
func newCode(k, count int) (reedsolomon.Encoder, error) {
	if k < 1 || k+count > MaxMembers {
		return nil, fmt.Errorf("%w: %d blocks and %d shares", ErrGroup, k, count)
	}
	code, err := reedsolomon.New(
		k, count,
		reedsolomon.WithCauchyMatrix(),
		reedsolomon.WithMaxGoroutines(1),
		reedsolomon.WithInversionCache(false),
	)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGroup, err)
	}
	return code, nil
}
