package sim_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/uft/internal/ranges"
	"example.com/uft/internal/seal"
	"example.com/uft/internal/wire"
	"example.com/uft/internal/xfer"
)

// docs/protocol.md §16 shows a transfer byte by byte. The tests below hold it
// against the code from both ends: what the encoders make of the same inputs,
// which follow, must be the documented bytes, and those, read with the
// documented keys and the parsers, must be the transfer.
var (
	exampleFile     = []byte("hello\n")
	exampleOfferID  = [16]byte(counting(0xa0, 16))
	exampleModified = time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC).UnixNano()
	exampleMode     = uint16(0o644)

	originalID = wire.ConnectionID{0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08}
	clientID   = wire.ConnectionID(counting(0xc0, 8))
	serverID   = wire.ConnectionID(counting(0x50, 8))
	retryID    = wire.ConnectionID(counting(0x70, 8))

	clientSecret = counting(0x00, 32)
	serverSecret = counting(0x20, 32)

	exampleAck = wire.Ack{
		Largest: 2, Delay: time.Millisecond, ReceiveTime: 250_000, Backlog: 6,
		Ranges: ranges.Set{{Start: 0, End: 3}},
	}
)

// counting returns n bytes that count up from first.
func counting(first byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

// exampleBlocks are the contents of the fenced blocks, or what should stand there, by
// name.
type exampleBlocks map[string][]byte

var fencedBlock = regexp.MustCompile("(?ms)^```hex (\\S+)\n(.*?)^```$")

// readExample returns the text of §16 and the blocks in it. A comment reaches
// from # to the end of its line.
func readExample(t *testing.T) (section string, documented exampleBlocks) {
	t.Helper()
	document, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, begins := strings.Cut(string(document), "\n## 16 A worked example\n")
	section, _, ends := strings.Cut(section, "\n## 17 ")
	if !begins || !ends {
		t.Fatal("docs/protocol.md has no §16")
	}
	documented = exampleBlocks{}
	for _, match := range fencedBlock.FindAllStringSubmatch(section, -1) {
		name, digits := match[1], ""
		for line := range strings.Lines(match[2]) {
			line, _, _ = strings.Cut(line, "#")
			digits += strings.Join(strings.Fields(line), "")
		}
		content, err := hex.DecodeString(digits)
		if err != nil || documented[name] != nil {
			t.Fatalf("block %s stands there twice, or is not hexadecimal: %v", name, err)
		}
		documented[name] = content
	}
	return section, documented
}

// differences names every block that is not as wanted, or missing.
func differences(got, want exampleBlocks) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !bytes.Equal(got[name], want[name]) {
			list = append(list, fmt.Sprintf("block %s is\n  %x, the code makes\n  %x", name, got[name], want[name]))
		}
	}
	return list
}

func TestWorkedExampleIsWhatTheCodeEncodes(t *testing.T) {
	section, documented := readExample(t)
	for _, difference := range differences(documented, encodeExample(t)) {
		t.Error(difference)
	}
	root, _, err := xfer.HashReader(bytes.NewReader(exampleFile))
	if err != nil || !strings.Contains(section, root.String()) {
		t.Errorf("the section does not show the root %v (error %v)", root, err)
	}
}

func TestWorkedExampleIsWhatTheCodeDecodes(t *testing.T) {
	_, documented := readExample(t)
	if err := decodeExample(documented); err != nil {
		t.Error(err)
	}
}

// A test against a document is worth what it notices: here, every single byte.
func TestWorkedExampleHasNoUncheckedByte(t *testing.T) {
	_, documented := readExample(t)
	want := encodeExample(t)
	for _, name := range slices.Sorted(maps.Keys(documented)) {
		t.Run(name, func(t *testing.T) {
			for i := range documented[name] {
				damaged := maps.Clone(documented)
				damaged[name] = bytes.Clone(documented[name])
				damaged[name][i] ^= 1
				if len(differences(damaged, want)) != 1 {
					t.Errorf("byte %d may be anything for the encoders", i)
				}
				if decodeExample(damaged) == nil {
					t.Errorf("byte %d may be anything for the parsers", i)
				}
			}
		})
	}
}

// encodeExample makes the blocks with the code.
func encodeExample(t *testing.T) exampleBlocks {
	t.Helper()
	made := exampleBlocks{}
	encodeInitial(made)
	made["retry-keys"] = keyAndIV(hkdfExtract("uft/1 retry salt", nil))
	retry := wire.AppendRetryWithoutTag(nil, wire.Retry{
		Version: wire.Version1, Destination: clientID, Source: retryID, Token: []byte("token"),
	})
	tag := seal.RetryTag(originalID, retry)
	made["retry"] = append(retry, tag[:]...)

	clientKeys, serverKeys := keyAndIV(clientSecret), keyAndIV(serverSecret)
	made["application-keys"] = slices.Concat(clientSecret, clientKeys, packetNonce(clientKeys[16:], 1), serverSecret, serverKeys)
	size, chunk := uint64(len(exampleFile)), xfer.HashChunk(exampleFile)
	root := xfer.Root(size, []xfer.Hash{chunk})
	made["hashes"] = slices.Concat(chunk[:], root[:])

	said, answered := converse(t)
	opening, end := encodeMessages(said[:3]), encodeMessages(said[3:])
	answer, done := encodeMessages(answered[:2]), encodeMessages(answered[2:])
	client := exampleSender{made: made, name: "client", to: serverID, keys: sealKeys(clientSecret)}
	client.packet(wire.Stream{Data: opening}.Append(nil))
	client.packet(wire.Data{Bytes: exampleFile}.Append(nil))
	client.packet(wire.Stream{Data: end, Offset: uint64(len(opening))}.Append(wire.BulkEnd{Size: size}.Append(nil)))
	client.packet(wire.ApplicationClose{}.Append(nil))
	server := exampleSender{made: made, name: "server", to: clientID, keys: sealKeys(serverSecret)}
	server.packet(wire.Stream{Data: answer}.Append(exampleAck.Append(nil)))
	server.packet(wire.Stream{Data: done, Offset: uint64(len(answer))}.Append(nil))
	return made
}

// encodeInitial makes the blocks of the Initial packet: its frame is the first
// four bytes of a ClientHello.
func encodeInitial(made exampleBlocks) {
	secret := hkdfExtract("uft/1 initial salt", originalID[:])
	client, server := expandLabel(secret, "client in", 32), expandLabel(secret, "server in", 32)
	made["initial-keys"] = slices.Concat(secret, client, keyAndIV(client), server, keyAndIV(server))

	frame := wire.Crypto{Data: []byte{0x01, 0x00, 0x05, 0xc0}}.Append(nil)
	header, lengthAt := wire.AppendLongHeader(nil, wire.LongHeader{
		Type: wire.PacketInitial, Version: wire.Version1, Destination: originalID, Source: clientID,
	})
	wire.SetLength(header, lengthAt, 4+len(frame)+wire.TagLen)
	keys, _ := seal.InitialKeys(originalID)
	sealed := keys.Seal(nil, header, frame, 0, 0)
	made["initial"] = slices.Concat(header, frame, sealed[len(frame):])
	made["initial-sealed"] = slices.Concat(header, sealed)
}

// exampleSender makes the Application packets of one side.
type exampleSender struct {
	made   exampleBlocks
	name   string
	to     wire.ConnectionID
	keys   *seal.Keys
	number uint64
}

// packet makes the block of a packet, which is header, frames and tag, and of
// two packets also the datagram.
func (s *exampleSender) packet(payload []byte) {
	header := wire.AppendShortHeader(nil, wire.ShortHeader{Destination: s.to, PacketNumber: s.number})
	sealed := s.keys.Seal(nil, header, payload, 0, s.number)
	name := fmt.Sprintf("%s-%d", s.name, s.number)
	s.made[name] = slices.Concat(header, payload, sealed[len(payload):])
	if name == "client-1" || name == "client-3" {
		s.made[name+"-sealed"] = slices.Concat(header, sealed)
	}
	s.number++
}

// converse lets two sessions talk about the file, and returns the messages of
// either.
func converse(t *testing.T) (said, answered []xfer.Message) {
	t.Helper()
	client := xfer.NewSession(xfer.Hello{Mode: xfer.ModeOneWay, Program: "uft"}, exampleOfferID)
	entry := xfer.NewEntry(0, "hi.txt")
	size := uint64(len(exampleFile))
	entry.Size, entry.ModTime, entry.Mode = &size, &exampleModified, &exampleMode
	sender := client.Offer([]xfer.Entry{entry}, nil)[0]
	sender.Chunk(xfer.HashChunk(exampleFile), len(exampleFile))
	sender.End()
	said = drainMessages(client)
	answered, err := receiveExample(encodeMessages(said), exampleFile)
	for _, m := range answered {
		_, refused := client.Handle(m)
		err = errors.Join(err, refused)
	}
	if err != nil || !sender.Over() || sender.Failure() != nil {
		t.Fatalf("the sender is over: %v, failure %v, error %v", sender.Over(), sender.Failure(), err)
	}
	return said, answered
}

// receiveExample is a service that takes the offered file, given the bytes of
// stream 0 and of the file. It returns what it answers.
func receiveExample(said, file []byte) ([]xfer.Message, error) {
	session := xfer.NewSession(xfer.Hello{Program: "uft", Abilities: xfer.AbilityWrites}, [16]byte{})
	var receiver *xfer.Receiver
	var decoder xfer.Decoder
	decoder.Feed(said)
	for decoder.Buffered() {
		m, err := decoder.Next()
		if err != nil || m == nil {
			return nil, fmt.Errorf("message %v, error %v", m, err)
		}
		event, err := session.Handle(m)
		if err != nil {
			return nil, err
		}
		for _, receiver = range event.Incoming {
			receiver.Accept()
			receiver.Chunk(0, xfer.HashChunk(file))
		}
	}
	if receiver == nil || !receiver.Complete() {
		return nil, errors.New("the receiver has no complete file")
	}
	receiver.Committed()
	return drainMessages(session), nil
}

func drainMessages(session *xfer.Session) (messages []xfer.Message) {
	for m := session.NextMessage(); m != nil; m = session.NextMessage() {
		messages = append(messages, m)
	}
	return messages
}

func encodeMessages(messages []xfer.Message) (b []byte) {
	for _, m := range messages {
		b = xfer.Append(b, m)
	}
	return b
}

// decodeExample reads the blocks as a peer would that has nothing but the
// document: with its keys, into two fresh sessions.
func decodeExample(documented exampleBlocks) error {
	for name, length := range map[string]int{"initial-keys": 152, "retry-keys": 28, "application-keys": 132, "hashes": 64} {
		if len(documented[name]) != length {
			return fmt.Errorf("block %s has %d bytes, not %d", name, len(documented[name]), length)
		}
	}
	return errors.Join(decodeInitial(documented), decodeRetry(documented), decodeTransfer(documented))
}

// decodeInitial takes the Initial packet as the server does.
func decodeInitial(documented exampleBlocks) error {
	all, packet := documented["initial-keys"], documented["initial-sealed"]
	secret, client, server := all[:32], packetKeys(all[32:92]), packetKeys(all[92:152])
	header, err := wire.ConsumeLongHeader(packet)
	if err != nil || header.PacketLen != len(packet) || header.Destination != originalID || header.Source != clientID {
		return fmt.Errorf("initial: header %+v, error %v", header, err)
	}
	payload, err := client.open(packet[:header.HeaderLen], packet[header.HeaderLen:], header.PacketNumber)
	plain := slices.Concat(packet[:header.HeaderLen], payload, packet[len(packet)-wire.TagLen:])
	if err != nil || !bytes.Equal(plain, documented["initial"]) {
		return fmt.Errorf("the initial packet is %x, error %v", plain, err)
	}
	var frame wire.Frame
	parser := wire.NewParser(payload, header.Type)
	if ok, err := parser.Next(&frame); !ok || err != nil || frame.Type != wire.FrameCrypto {
		return fmt.Errorf("initial: frame %v, error %v", &frame, err)
	}
	// Nothing that the server sealed is shown: what it would seal has to open.
	_, sealing := seal.InitialKeys(header.Destination)
	if _, err := server.open(nil, sealing.Seal(nil, nil, payload, 0, 7), 7); err != nil {
		return fmt.Errorf("initial keys of the server: %w", err)
	}
	if !bytes.Equal(expandLabel(secret, "client in", 32), client[:32]) {
		return errors.New("initial secret")
	}
	return nil
}

// decodeRetry takes the Retry packet as the client does.
func decodeRetry(documented exampleBlocks) error {
	keys, packet := documented["retry-keys"], documented["retry"]
	retry, err := wire.ConsumeRetry(packet)
	if err != nil || retry.Destination != clientID || retry.Source != retryID {
		return fmt.Errorf("retry %+v, error %v", retry, err)
	}
	covered := slices.Concat(originalID[:], packet[:len(packet)-wire.TagLen])
	if _, err := gcm(keys[:16]).Open(nil, keys[16:], retry.Tag[:], covered); err != nil {
		return fmt.Errorf("retry: %w", err)
	}
	return nil
}

// decodeTransfer takes the packets of both sides and lets a service answer.
func decodeTransfer(documented exampleBlocks) error {
	all := documented["application-keys"]
	client := exampleReader{documented: documented, name: "client", keys: packetKeys(all[:60])}
	server := exampleReader{documented: documented, name: "server", keys: packetKeys(all[72:132])}
	err := errors.Join(client.read(4), server.read(2))
	if err != nil || !client.closed || client.size != uint64(len(client.file)) || !slices.Equal(server.acked, exampleAck.Ranges) {
		return fmt.Errorf("closed %v, size %d, file %q, acknowledged %v, error %v", client.closed, client.size, client.file, server.acked, err)
	}
	answers, err := receiveExample(client.said, client.file)
	if err != nil || !bytes.Equal(encodeMessages(answers), server.said) {
		return fmt.Errorf("the server says %x, not %x; error %v", server.said, encodeMessages(answers), err)
	}
	chunk, root := documented["hashes"][:xfer.HashSize], documented["hashes"][xfer.HashSize:]
	if !bytes.Equal(all[60:72], packetNonce(client.keys.iv(), 1)) {
		return errors.New("nonce of the client's packet 1")
	}
	if h := xfer.HashChunk(client.file); !bytes.Equal(h[:], chunk) || xfer.Root(client.size, []xfer.Hash{h}) != xfer.Hash(root) {
		return errors.New("the hashes are not those of the file")
	}
	return nil
}

// exampleReader takes the Application packets of one side.
type exampleReader struct {
	documented exampleBlocks
	name       string
	keys       packetKeys

	said   []byte // on stream 0
	file   []byte
	size   uint64
	acked  ranges.Set
	closed bool
}

// read takes the packets 0 to count-1.
func (r *exampleReader) read(count int) error {
	for number := range count {
		name := fmt.Sprintf("%s-%d", r.name, number)
		if err := r.packet(uint64(number), r.documented[name], r.documented[name+"-sealed"]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// packet takes header, frames and tag, and, where it is shown, the datagram.
func (r *exampleReader) packet(number uint64, plain, shown []byte) error {
	if len(plain) < wire.ShortHeaderLen+wire.TagLen {
		return errors.New("too short")
	}
	header, payload := plain[:wire.ShortHeaderLen], plain[wire.ShortHeaderLen:len(plain)-wire.TagLen]
	sealed := gcm(r.keys[32:48]).Seal(nil, packetNonce(r.keys.iv(), byte(number)), payload, header)
	datagram := slices.Concat(header, sealed)
	if !bytes.HasSuffix(plain, sealed[len(payload):]) || shown != nil && !bytes.Equal(shown, datagram) {
		return fmt.Errorf("the datagram is %x", datagram)
	}
	parsed, err := wire.ConsumeShortHeader(datagram)
	if err != nil || parsed.KeyPhase || parsed.PacketNumber != number {
		return fmt.Errorf("header %+v, error %v", parsed, err)
	}
	if _, err := r.keys.open(header, sealed, number); err != nil {
		return err
	}
	return r.frames(payload)
}

// frames takes what the packets of the example hold, and nothing else.
func (r *exampleReader) frames(payload []byte) error {
	var frame wire.Frame
	parser := wire.NewParser(payload, wire.PacketShort)
	for {
		ok, err := parser.Next(&frame)
		if !ok || err != nil {
			return err
		}
		switch {
		case frame.Type == wire.FrameStream && frame.Stream.ID == 0 && frame.Stream.Offset == uint64(len(r.said)):
			r.said = append(r.said, frame.Stream.Data...)
		case frame.Type == wire.FrameData && frame.Data.Transfer == 0 && frame.Data.Offset == uint64(len(r.file)):
			r.file = append(r.file, frame.Data.Bytes...)
		case frame.Type == wire.FrameBulkEnd && frame.BulkEnd.Transfer == 0:
			r.size = frame.BulkEnd.Size
		case frame.Type == wire.FrameAck:
			r.acked = slices.Clone(frame.Ack.Ranges)
		case frame.Type == wire.FrameApplicationClose && frame.ApplicationClose.Code == 0:
			r.closed = true
		default:
			return fmt.Errorf("%v does not belong here", &frame)
		}
	}
}

// packetKeys are a secret (32 bytes), a key (16) and an iv (12) as they stand
// in the document.
type packetKeys []byte

func (k packetKeys) iv() []byte { return k[48:60] }

// open opens a packet twice: with the key and the iv, and with what package
// seal derives from the secret.
func (k packetKeys) open(header, sealed []byte, number uint64) ([]byte, error) {
	if _, err := gcm(k[32:48]).Open(nil, packetNonce(k.iv(), byte(number)), sealed, header); err != nil {
		return nil, fmt.Errorf("with key and iv: %w", err)
	}
	return sealKeys(k[:32]).Open(nil, header, sealed, 0, number)
}

func sealKeys(b []byte) *seal.Keys { return must(seal.NewKeys(tls.TLS_AES_128_GCM_SHA256, b)) }

func gcm(key []byte) cipher.AEAD { return must(cipher.NewGCM(must(aes.NewCipher(key)))) }

// The derivations of §5, written down a second time: package seal keeps its
// secrets to itself, and two readings of the document have to agree.

func hkdfExtract(salt string, input []byte) []byte {
	return must(hkdf.Extract(sha256.New, input, []byte(salt)))
}

func expandLabel(secret []byte, label string, length int) []byte {
	label = "tls13 " + label
	info := slices.Concat([]byte{0, byte(length), byte(len(label))}, []byte(label), []byte{0})
	return must(hkdf.Expand(sha256.New, secret, string(info), length))
}

// keyAndIV returns the key, 16 bytes, and the iv, 12 bytes, of a secret.
func keyAndIV(secret []byte) []byte {
	return slices.Concat(expandLabel(secret, "uft key", 16), expandLabel(secret, "uft iv", 12))
}

// packetNonce is that of path 0 and a packet number below 256.
func packetNonce(iv []byte, number byte) []byte {
	nonce := bytes.Clone(iv)
	nonce[len(nonce)-1] ^= number
	return nonce
}

// must is for calls whose arguments here can only be right.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
