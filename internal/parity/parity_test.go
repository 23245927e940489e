package parity

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// blocksOf draws k blocks of size bytes.
func blocksOf(random *rand.Rand, k, size int) [][]byte {
	blocks := make([][]byte, k)
	for i := range blocks {
		blocks[i] = make([]byte, size)
		for j := range blocks[i] {
			blocks[i][j] = byte(random.Uint32())
		}
	}
	return blocks
}

// TestRepair loses blocks and shares in every combination of a few sizes that
// leaves just enough.
func TestRepair(t *testing.T) {
	for seed, shape := range []struct{ k, shares, size int }{
		{1, 1, 1}, {1, 3, 1024}, {2, 1, 7}, {10, 4, 100}, {128, 128, 64}, {200, 20, 1024}, {255, 1, 33},
	} {
		random := rand.New(rand.NewPCG(uint64(seed), 1))
		blocks := blocksOf(random, shape.k, shape.size)
		made, err := Encode(blocks, shape.shares)
		if err != nil {
			t.Fatalf("%+v: %v", shape, err)
		}
		for range 5 {
			lost := random.IntN(min(shape.k, shape.shares)) + 1
			damaged := slices.Clone(blocks)
			for _, i := range random.Perm(shape.k)[:lost] {
				damaged[i] = nil
			}
			var shares []Share
			for _, i := range random.Perm(shape.shares)[:lost] {
				shares = append(shares, Share{i, made[i]})
			}
			if lost > 1 {
				if err := Repair(slices.Clone(damaged), shares[1:]); !errors.Is(err, ErrGroup) {
					t.Errorf("%+v: one share too few: %v", shape, err)
				}
			}
			if err := Repair(damaged, shares); err != nil {
				t.Fatalf("%+v: %v", shape, err)
			}
			for i := range blocks {
				if !bytes.Equal(blocks[i], damaged[i]) {
					t.Fatalf("%+v: block %d is wrong with %d lost", shape, i, lost)
				}
			}
		}
	}
}

// TestFormula holds the shares against the formula of docs/protocol.md §9.4,
// computed the slow way, and against the number of shares that are made.
func TestFormula(t *testing.T) {
	multiply := func(a, b byte) (product byte) {
		for ; b > 0; b >>= 1 {
			if b&1 != 0 {
				product ^= a
			}
			carry := a&0x80 != 0
			if a <<= 1; carry {
				a ^= 0x1d
			}
		}
		return product
	}
	inverse := func(a byte) byte {
		for b := range 256 {
			if multiply(a, byte(b)) == 1 {
				return byte(b)
			}
		}
		return 0
	}
	const k = 5
	blocks := blocksOf(rand.New(rand.NewPCG(1, 1)), k, 3)
	for count := 1; count <= 4; count++ {
		shares, err := Encode(blocks, count)
		if err != nil {
			t.Fatal(err)
		}
		for j, share := range shares {
			for at := range share {
				var want byte
				for i := range blocks {
					want ^= multiply(blocks[i][at], inverse(byte(k+j)^byte(i)))
				}
				if share[at] != want {
					t.Errorf("share %d of %d, byte %d: %#x, want %#x", j, count, at, share[at], want)
				}
			}
		}
	}
}

func TestNotAGroup(t *testing.T) {
	block := []byte{1, 2}
	for name, err := range map[string]error{
		"no blocks":           second(Encode(nil, 1)),
		"no shares":           second(Encode([][]byte{block}, 0)),
		"too many":            second(Encode(make([][]byte, 200), 57)),
		"lengths differ":      second(Encode([][]byte{block, block[:1]}, 1)),
		"repair of nothing":   Repair(nil, []Share{{0, block}}),
		"no share":            Repair([][]byte{nil}, nil),
		"negative share":      Repair([][]byte{nil}, []Share{{-1, block}}),
		"share 256":           Repair([][]byte{nil}, []Share{{256, block}}),
		"share out of range":  Repair(make([][]byte, 200), []Share{{56, block}}),
		"share of other size": Repair([][]byte{block, nil}, []Share{{0, block[:1]}}),
	} {
		if !errors.Is(err, ErrGroup) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second(_ [][]byte, err error) error { return err }

// BenchmarkEncode makes the shares of 2 % and of 30 % loss.
func BenchmarkEncode(b *testing.B) {
	for _, shape := range []struct {
		name      string
		k, shares int
	}{{"128+9", 128, 9}, {"128+85", 128, 85}} {
		b.Run(shape.name, func(b *testing.B) {
			blocks := blocksOf(rand.New(rand.NewPCG(1, 1)), shape.k, 1024)
			b.SetBytes(int64(shape.k) * 1024)
			for b.Loop() {
				if _, err := Encode(blocks, shape.shares); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRepair repairs what is lost at 2 % and at 30 %.
func BenchmarkRepair(b *testing.B) {
	for _, shape := range []struct {
		name    string
		k, lost int
	}{{"128-3", 128, 3}, {"128-38", 128, 38}} {
		b.Run(shape.name, func(b *testing.B) {
			blocks := blocksOf(rand.New(rand.NewPCG(1, 1)), shape.k, 1024)
			made, err := Encode(blocks, shape.lost)
			if err != nil {
				b.Fatal(err)
			}
			var shares []Share
			for i := range made {
				shares = append(shares, Share{i, made[i]})
			}
			b.SetBytes(int64(shape.k) * 1024)
			for b.Loop() {
				damaged := slices.Clone(blocks)
				clear(damaged[:shape.lost])
				if err := Repair(damaged, shares); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
