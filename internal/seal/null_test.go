package seal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

func TestNullIsRepeatable(t *testing.T) {
	run := func(seed byte) []byte {
		random := rand.NewChaCha8([32]byte{seed})
		p := pair{
			newSide(t, "client", NewNull(Client, random, clientParameters)),
			newSide(t, "server", NewNull(Server, random, serverParameters)),
		}
		p.run(t)
		p.wantDone(t, false)
		sealed := p.client.write[Application].Seal(nil, nil, []byte("payload"), 0, 0)
		return append(p.server.flights[Initial], sealed...)
	}
	if first, second := run(1), run(1); !bytes.Equal(first, second) {
		t.Error("two handshakes with the same seed differ")
	}
	if first, second := run(1), run(2); bytes.Equal(first, second) {
		t.Error("two handshakes with different seeds are equal")
	}
}

func TestNullShortMessages(t *testing.T) {
	for name, body := range map[string][]byte{
		"empty":             {},
		"half a random":     make([]byte, nullRandomLength/2),
		"no flags":          make([]byte, nullRandomLength),
		"no parameters":     make([]byte, nullRandomLength+2),
		"half parameters":   append(make([]byte, nullRandomLength+1), 0, 9, 1),
		"longer parameters": append(make([]byte, nullRandomLength+1), 0xff, 0xff),
	} {
		server := NewNull(Server, rand.NewChaCha8([32]byte{}), nil)
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		message := append([]byte{nullClientHello, 0, 0, byte(len(body))}, body...)
		err := server.HandleCrypto(Initial, message)
		if failure, ok := errors.AsType[*AlertError](err); !ok || failure.Alert != alertDecodeError {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func FuzzNull(f *testing.F) {
	f.Add([]byte{nullClientHello, 0, 0, 0}, uint8(Initial))
	f.Add([]byte{nullServerHello, 0, 0, 32, 36: 0}, uint8(Initial))
	f.Fuzz(func(t *testing.T, data []byte, level uint8) {
		for _, role := range []Role{Client, Server} {
			engine := NewNull(role, rand.NewChaCha8([32]byte{}), nil)
			if err := engine.Start(); err != nil {
				t.Fatal(err)
			}
			err := engine.HandleCrypto(Level(level), data)
			if _, ok := errors.AsType[*AlertError](err); err != nil && !ok {
				t.Errorf("error %v of type %T", err, err)
			}
			if len(engine.partial) > maxNullMessage {
				t.Errorf("%d bytes are kept", len(engine.partial))
			}
		}
	})
}
