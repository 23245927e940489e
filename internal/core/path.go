package core

import (
	"io"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/recovery"
	"example.com/uft/internal/wire"
)

// amplification bounds what a server sends to an address that has not proved
// that it receives: three times what came from there (docs/protocol.md §6.5,
// RFC 9000 §8.1).
const amplification = 3

// pathSet accounts for the bytes of the present path and of the one that is
// being validated.
type pathSet struct {
	validated bool // the present path's address
	in, out   int  // bytes while it is not
	// unproven: the connection moved here in the handshake, so that having its
	// keys does not prove that they were received here.
	unproven bool

	candidate     Path // an address the peer seems to have moved to
	candidateIn   int
	candidateOut  int
	haveCandidate bool
}

// counts reports whether what comes in decides how much may go out.
func (s *pathSet) counts(role Role) bool {
	return s.haveCandidate || role == Server && !s.validated
}

func (s *pathSet) received(from, current Path, n int) {
	if from == current {
		s.in += n
	}
	if s.haveCandidate && from == s.candidate {
		s.candidateIn += n
	}
}

func (s *pathSet) sent(to, current Path, n int) {
	if to == current {
		s.out += n
	}
	if s.haveCandidate && to == s.candidate {
		s.candidateOut += n
	}
}

// limit is how long a datagram on the present path may be, at most n.
func (s *pathSet) limit(role Role, n int) int {
	if role == Client || s.validated {
		return n
	}
	return min(n, max(amplification*s.in-s.out, 0))
}

// allows reports whether a datagram of n bytes may leave on the present path.
func (s *pathSet) allows(role Role, n int) bool { return s.limit(role, n) == n }

// pathValidation is PATH_CHALLENGE and PATH_RESPONSE (§11.4, RFC 9000 §8.2).
type pathValidation struct {
	challenge [8]byte
	pending   bool         // the challenge is under way
	sendAt    instant.Time // when it is sent, next
	until     instant.Time // when the attempt is given up

	answers []pathAnswer // PATH_RESPONSE frames to send
}

type pathAnswer struct {
	path Path
	data [8]byte
}

// challengeDatagram is the size of a datagram with a PATH_CHALLENGE.
const challengeDatagram = wire.ShortHeaderLen + 1 + 8 + wire.TagLen

// maxPathAnswers bounds the challenges that wait to be answered.
const maxPathAnswers = 4

// answer queues the response to a challenge, which goes back the way the
// challenge came.
func (v *pathValidation) answer(path Path, data [8]byte) {
	if len(v.answers) < maxPathAnswers {
		v.answers = append(v.answers, pathAnswer{path, data})
	}
}

// notePath is told where the newest packet came from. A new address is
// challenged; the connection moves there when it answers. From one carrier to
// another it moves at once: the first has broken, the second has proved the
// address, and an answer might be long behind what it has to carry.
func (c *Conn) notePath(from *arrival) {
	path := &from.path
	if from.here || *path == c.path || c.state != stateOpen || !c.confirmed {
		return
	}
	if c.role == Client && path.Reliable != c.path.Reliable {
		return // which carrier it uses is the client's own decision
	}
	if c.validation.pending && *path == c.pathSet.candidate {
		return
	}
	if path.Reliable && c.path.Reliable {
		c.moveTo(*path)
		c.pathSet.validated = true
		return
	}
	c.challenge(*path, wire.ShortHeaderLen+1+wire.TagLen, 0) // what came was at least that long
}

// challenge asks whether somebody receives what is sent on a path. in and out are
// the bytes that came from there, and went there, so far.
func (c *Conn) challenge(path Path, in, out int) {
	if _, err := io.ReadFull(c.cfg.Rand, c.validation.challenge[:]); err != nil {
		return
	}
	c.pathSet.candidate, c.pathSet.haveCandidate = path, true
	c.pathSet.candidateIn, c.pathSet.candidateOut = in, out
	c.validation.pending = true
	c.validation.sendAt, c.validation.until = c.now, c.now.Add(3*max(c.recovery.SmoothedRTT(), time.Second))
	c.trace("connectivity:path_challenged", traceText("remote", path.Remote.String()))
}

// handlePathResponse moves the connection to the validated address.
func (c *Conn) handlePathResponse(from Path, data [8]byte) {
	if !c.validation.pending || data != c.validation.challenge {
		return
	}
	c.validation.pending = false
	c.pathSet.haveCandidate = false
	c.moveTo(c.pathSet.candidate)
	c.pathSet.validated, c.pathSet.unproven = true, false
	c.pending.ping = true
}

// SetPath has a client use another path from now on, such as another carrier.
func (c *Conn) SetPath(now instant.Time, to Path) {
	c.now = now
	if c.state >= stateClosing || to == c.path {
		return
	}
	c.moveTo(to)
	if c.confirmed {
		c.pending.ping = true // so that the server finds out
	}
}

// followHandshake has a server answer where the newest packet of a handshake came
// from, if one of the two paths is that of a carrier: a client that gets no
// answer by UDP goes on over TCP (§8.5). The new path has proved nothing but what
// its carrier proves; where that is nothing, only a PATH_RESPONSE does.
func (c *Conn) followHandshake(path Path, size int) {
	if path == c.path || c.role != Server || c.state != stateHandshake || !path.Reliable && !c.path.Reliable {
		return
	}
	c.moveTo(path)
	c.pathSet.validated, c.pathSet.unproven = path.Reliable, !path.Reliable
	c.pathSet.in, c.pathSet.out = size, 0
}

// provePath is called when a Handshake packet was opened: who has its keys got
// our Initial, if that went where we send now.
func (c *Conn) provePath() {
	if !c.pathSet.unproven {
		c.pathSet.validated = true
	}
}

// moveTo changes the path.
func (c *Conn) moveTo(to Path) {
	from := c.path
	c.trace("connectivity:path_updated", traceText("from", from.Remote.String()), traceText("to", to.Remote.String()))
	c.path = to
	c.blocked = false
	c.recovery.SetReliable(to.Reliable)
	if from.Reliable || to.Reliable {
		// A carrier takes what it has not delivered with it, and of a path
		// without loss timers nobody would ever say that it has lost anything.
		for sp := range c.spaces {
			c.requeueAll(recovery.Space(sp))
		}
	}
	onlyPort := to.Remote.Addr() == from.Remote.Addr() && to.Local == from.Local && to.Reliable == from.Reliable
	if !onlyPort {
		// Another network, most likely: nothing is known of its round
		// trip and its rate.
		c.cfg.RememberedPath = PathMemory{}
		c.recovery.ResetPath(c.now)
		c.startPathMTU()
		c.resetController()
	}
}

// SetWritable says whether the carrier of the present path takes more. While it
// does not, Transmit writes nothing but what goes to other paths and the close.
func (c *Conn) SetWritable(writable bool) { c.blocked = !writable }

// transmitPathFrames writes a datagram with a PATH_CHALLENGE or a
// PATH_RESPONSE, which may go elsewhere than the present path.
func (c *Conn) transmitPathFrames(b []byte) (int, Path) {
	keys, early := c.appKeys()
	if keys == nil || early {
		return 0, c.path
	}
	v := &c.validation
	var to Path
	var frame func([]byte) []byte
	switch {
	case len(v.answers) > 0:
		a := v.answers[0]
		v.answers = v.answers[1:]
		to, frame = a.path, wire.PathResponse{Data: a.data}.Append
	case v.pending && !v.sendAt.After(c.now):
		to, frame = c.pathSet.candidate, wire.PathChallenge{Data: v.challenge}.Append
		v.sendAt = c.now.Add(max(c.recovery.SmoothedRTT(), 100*time.Millisecond))
		if c.pathSet.candidateOut+challengeDatagram > amplification*c.pathSet.candidateIn {
			return 0, c.path
		}
	default:
		return 0, c.path
	}
	pn := c.spaces[appSpace].next
	c.frames = c.frames[:0]
	b, lengthAt := c.appendAppHeader(b, false, pn)
	body := len(b)
	b = frame(b)
	// Eliciting, but not counted against the window of a path it may not be on.
	b = c.finish(b, 0, body, lengthAt, keys, packet{space: appSpace, number: pn, limited: true})
	return len(b), to
}

// pathDeadline is when path validation wants to act again.
func (c *Conn) pathDeadline() instant.Time {
	if !c.validation.pending {
		return instant.Never
	}
	return instant.Min(c.validation.sendAt, c.validation.until)
}

// pathTimeout gives up a validation that nobody answered.
func (c *Conn) pathTimeout() {
	if c.validation.pending && !c.validation.until.After(c.now) {
		c.validation.pending, c.pathSet.haveCandidate = false, false
	}
}
