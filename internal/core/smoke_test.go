package core

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"example.com/uft/internal/instant"
	"example.com/uft/internal/seal"
)

type rng struct{ *rand.ChaCha8 }

type memSource []byte

func (m memSource) Block(_ uint16, off uint64, dst []byte) (int, bool) {
	return copy(dst, m[off:]), true
}

func newRng(seed byte) io.Reader {
	var s [32]byte
	s[0] = seed
	return rand.NewChaCha8(s)
}

func TestSmoke(t *testing.T) {
	for _, loss := range []float64{0, 0.05, 0.3} {
		smoke(t, loss)
	}
}

func smoke(t *testing.T, loss float64) {
	file := make([]byte, 5<<20+77)
	rand.NewChaCha8([32]byte{9}).Read(file)
	now := instant.Time(time.Second)
	cp := Path{Local: netip.MustParseAddrPort("10.0.0.1:1"), Remote: netip.MustParseAddrPort("10.0.0.2:2")}
	sp := Path{Local: cp.Remote, Remote: cp.Local}
	crand, srand := newRng(1), newRng(2)
	client, err := NewClient(Config{Rand: crand, Source: memSource(file), Engine: func(p []byte) seal.Engine { return seal.NewNull(seal.Client, crand, p) }}, now, cp)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := seal.NewTokenKey(bytes.Repeat([]byte{1}, 32))
	ep := NewEndpoint(EndpointConfig{Rand: srand, ResetKey: make([]byte, 32), TokenKey: key, Accept: func(netip.AddrPort, bool) (Config, bool) {
		return Config{Rand: srand, ResetKey: make([]byte, 32), Engine: func(p []byte) seal.Engine { return seal.NewNull(seal.Server, srand, p) }}, false
	}})
	client.cfg.Trace = func(e TraceEvent) {
		if false {
			t.Log("C", e.Time, e.Name, e.Text)
		}
	}
	var server *Conn
	type dg struct {
		at   instant.Time
		toS  bool
		data []byte
	}
	var wire []dg
	buf := make([]byte, 64<<10)
	got := make([]byte, len(file))
	rnd := rand.New(rand.NewPCG(1, 2))
	drain := func(c *Conn, toS bool) {
		for {
			n, seg, _, _ := c.Transmit(now, buf, 50)
			if n == 0 {
				break
			}
			for p := buf[:n]; len(p) > 0; {
				k := min(seg, len(p))
				if rnd.Float64() >= loss {
					wire = append(wire, dg{now.Add(10 * time.Millisecond), toS, bytes.Clone(p[:k])})
				}
				p = p[k:]
			}
		}
	}
	id, _ := client.OpenBulk()
	client.ExtendBulk(id, uint64(len(file)))
	client.EndBulk(id, uint64(len(file)))
	sid, err := client.OpenStream()
	_ = err
	ended := false
	delivered := false
	var echoed []byte
	wrote := false
	for steps := 0; steps < 2000000; steps++ {
		drain(client, true)
		if server != nil {
			drain(server, false)
		}
		for {
			e, ok := client.NextEvent()
			if !ok {
				break
			}
			if e.Kind == EventBulkDelivered {
				delivered = true
			}
			if e.Kind == EventConnected {
				sid, err = client.OpenStream()
				if err != nil {
					t.Fatal(err)
				}
				client.WriteStream(sid, []byte("hello"))
				client.FinishStream(sid)
				wrote = true
			}
			if e.Kind == EventStreamReadable {
				var b [100]byte
				n, _ := client.ReadStream(now, sid, b[:])
				echoed = append(echoed, b[:n]...)
			}
			if e.Kind == EventClosed {
				t.Fatalf("client closed: %v", e.Err)
			}
		}
		if server != nil {
			for {
				e, ok := server.NextEvent()
				if !ok {
					break
				}
				if e.Kind == EventClosed {
					t.Fatalf("server closed: %v", e.Err)
				}
				if e.Kind == EventBulkEnded {
					ended = true
				}
				if e.Kind == EventStreamReadable {
					var b [100]byte
					n, _ := server.ReadStream(now, e.ID, b[:])
					server.WriteStream(e.ID, b[:n])
					server.FinishStream(e.ID)
				}
			}
			drain(server, false)
		}
		if delivered && ended && string(echoed) == "hello" {
			break
		}
		d := client.Deadline()
		if server != nil {
			d = instant.Min(d, server.Deadline())
		}
		if len(wire) > 0 {
			d = instant.Min(d, wire[0].at)
		}
		if d == instant.Never {
			t.Fatal("nothing to do")
		}
		if d > now {
			now = d
		}
		for len(wire) > 0 && !wire[0].at.After(now) {
			w := wire[0]
			wire = wire[1:]
			if w.toS {
				r := ep.Route(now, 0, sp, w.data)
				if r.New {
					server = r.Conn
				}
				if r.Conn != nil {
					r.Conn.HandleTrain(now, sp, 0, w.data, len(w.data))
					for {
						b, ok := r.Conn.NextBlock()
						if !ok {
							break
						}
						copy(got[b.Offset:], b.Bytes)
						r.Conn.ConsumeBulk(b.Transfer, b.Offset, b.Offset+uint64(len(b.Bytes)))
					}
				}
			} else {
				client.HandleTrain(now, cp, 0, w.data, len(w.data))
			}
		}
		if client.Deadline() <= now {
			client.HandleTimeout(now)
		}
		if server != nil && server.Deadline() <= now {
			server.HandleTimeout(now)
		}
	}
	t.Logf("loss %v: took %v wrote=%v delivered=%v ended=%v echo=%q stats %+v", loss, now.Sub(instant.Time(time.Second)), wrote, delivered, ended, echoed, client.Stats())
	if !delivered || sha256.Sum256(got) != sha256.Sum256(file) {
		t.Fatal("not delivered")
	}
}
