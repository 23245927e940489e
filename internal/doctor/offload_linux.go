package doctor

import (
	"bytes"
	"context"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// checkOffload sends trains over loopback, once to a socket that takes single
// datagrams, which shows that the trains are taken apart, and once to one that
// has them joined.
func checkOffload(context.Context, Options) []Finding {
	return []Finding{
		sendTrains(false).outcome(false, "4.18"),
		sendTrains(true).outcome(true, "5.0"),
	}
}

// sendTrains sends trains by UDP_SEGMENT and receives each before the next is
// sent, so that no socket buffer is too small. With join the receiver has
// UDP_GRO.
func sendTrains(join bool) (t trial) {
	in, out, err := trialSockets(join)
	if err != nil {
		return trial{err: err}
	}
	defer unix.Close(in)
	defer unix.Close(out)
	train := make([]byte, trainSegment*trainSegments)
	buf := make([]byte, 64<<10)
	for number := range trainsTried {
		for i := range trainSegments {
			datagram := train[i*trainSegment:][:trainSegment]
			binary.BigEndian.PutUint32(datagram, uint32(i))
			fill(datagram[4:], byte(number+i))
		}
		if _, t.err = unix.Write(out, train); t.err != nil {
			return t
		}
		t.sendCalls++
		t.sent += trainSegments
		for t.arrived+t.damaged < t.sent {
			n, size, err := receiveTrain(in, buf)
			if err != nil {
				return t // too few have come: the outcome says so
			}
			t.calls++
			t.compare(buf[:n], size, train)
		}
	}
	return t
}

// fill writes bytes that differ from datagram to datagram.
func fill(p []byte, seed byte) {
	for i := range p {
		p[i] = seed + byte(i)
	}
}

// compare counts the datagrams that came, against those of the train sent.
func (t *trial) compare(received []byte, size int, train []byte) {
	for len(received) > 0 {
		datagram := received[:min(size, len(received))]
		received = received[len(datagram):]
		number := trainSegments
		if len(datagram) == trainSegment {
			number = int(binary.BigEndian.Uint32(datagram))
		}
		if number < trainSegments && bytes.Equal(datagram, train[number*trainSegment:][:trainSegment]) {
			t.arrived++
		} else {
			t.damaged++
		}
	}
}

// trialSockets opens two sockets on loopback, the second of which sends to the
// first in segments. What the kernel has no option for is an error.
func trialSockets(join bool) (in, out int, err error) {
	if in, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return 0, 0, err
	}
	if out, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		unix.Close(in)
		return 0, 0, err
	}
	for _, step := range []func() error{
		func() error { return unix.Bind(in, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}) },
		func() error {
			// Long enough for a busy machine; only a broken offload waits for it.
			return unix.SetsockoptTimeval(in, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 300_000})
		},
		func() error {
			address, err := unix.Getsockname(in)
			if err != nil {
				return err
			}
			return unix.Connect(out, address)
		},
		func() error { return unix.SetsockoptInt(out, unix.SOL_UDP, unix.UDP_SEGMENT, trainSegment) },
		func() error {
			if !join {
				return nil
			}
			return unix.SetsockoptInt(in, unix.SOL_UDP, unix.UDP_GRO, 1)
		},
	} {
		if err := step(); err != nil {
			unix.Close(in)
			unix.Close(out)
			return 0, 0, err
		}
	}
	return in, out, nil
}

// receiveTrain makes one system call and returns the number of bytes and the
// size of the datagrams that they consist of.
func receiveTrain(fd int, buf []byte) (n, size int, err error) {
	var control [64]byte
	n, controlLength, _, _, err := unix.Recvmsg(fd, buf, control[:], 0)
	if err != nil {
		return 0, 0, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:controlLength])
	if err != nil {
		return 0, 0, err
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_UDP && m.Header.Type == unix.UDP_GRO && len(m.Data) >= 2 {
			return n, int(binary.NativeEndian.Uint16(uint16Of(m.Data))), nil
		}
	}
	return n, max(n, 1), nil
}

// uint16Of returns the two low bytes of a number in the machine's order: the
// kernel writes an int, before Linux 5.12 one of 16 bits.
func uint16Of(data []byte) []byte {
	if len(data) >= 4 {
		return binary.NativeEndian.AppendUint16(nil, uint16(binary.NativeEndian.Uint32(data)))
	}
	return data[:2]
}
