package core

import (
	"testing"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
)

// TestPreviousKeysWaitForThePeer: a peer may learn of a new phase late, and goes
// on in the old one until then; only from there on the old keys have an end.
func TestPreviousKeysWaitForThePeer(t *testing.T) {
	c := newTestClient(t, nil)
	c.openForTest()
	client, _ := seal.InitialKeys(c.localID)
	c.spaces[appSpace].read = client
	peer, _ := seal.InitialKeys(c.localID)
	next, number := peer.Next(), uint64(0)
	take := func(keys *seal.Keys, phase bool) (opened bool) {
		b := wire.AppendShortHeader(nil, wire.ShortHeader{KeyPhase: phase, Destination: c.localID, PacketNumber: number})
		b = keys.Seal(b, b[:len(b):len(b)], wire.FramePing.Append(nil), 0, number)
		number++
		before := c.stats.PacketsUndecryptable
		c.HandleTrain(c.now, c.path, NotECT, b, len(b))
		return c.stats.PacketsUndecryptable == before && c.spaces[appSpace].largest == number
	}
	if !take(peer, false) {
		t.Fatal("the first phase does not open")
	}
	c.advancePhase()
	for range 10 {
		c.now = c.now.Add(10 * time.Second)
		c.maybeUpdateKeys()
		if !take(peer, false) {
			t.Fatal("the peer does not know of the new phase yet, and its packets do not open")
		}
	}
	if !take(next, true) {
		t.Fatal("the new phase does not open")
	}
	c.now = c.now.Add(3*c.recovery.PTO(recovery.Application) - 1)
	if c.maybeUpdateKeys(); c.phase.previous == nil {
		t.Error("the previous keys are gone before late packets can have come")
	}
	c.now = c.now.Add(1)
	if c.maybeUpdateKeys(); c.phase.previous != nil {
		t.Error("the previous keys are kept for ever")
	}
}

// TestKeyPhaseLimit: no phase seals 2^23 packets. The next one begins well
// before, and where the peer does not let it, the connection ends.
func TestKeyPhaseLimit(t *testing.T) {
	for _, acknowledged := range []bool{true, false} {
		c := newTestClient(t, nil)
		c.openForTest()
		c.phase.acked = acknowledged
		c.spaces[appSpace].next = 1<<23 - 100 // all sealed in this phase
		c.path.CarrierPaced = true
		id, _ := c.OpenBulk()
		c.ExtendBulk(id, 1<<20)
		drainTo(c, instant.Time(2*time.Second))
		if acknowledged != c.phase.current {
			t.Errorf("acknowledged %v: the phase bit is %v", acknowledged, c.phase.current)
		}
		if acknowledged != (c.Err() == nil) {
			t.Errorf("acknowledged %v: %v", acknowledged, c.Err())
		}
		if sealed := c.spaces[appSpace].next; !acknowledged && sealed >= 1<<23 {
			t.Errorf("%d packets were sealed", sealed)
		}
	}
}
