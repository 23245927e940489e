// Package pcap writes what enters and leaves a model of a network to a file in
// the format pcapng, which Wireshark and tcpdump read. Every packet is a whole
// IP packet. It has the four bytes of a loopback interface in front: tcpdump
// refuses a file with several interfaces of raw IP, whose type has one number
// in files and another one in libpcap.
//
// The file has two interfaces for each direction of the network: one with what
// entered it, where packets that were dropped say so in a comment, and one with
// what left it, at the time it did.
package pcap

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// bufferBytes is how much is kept back from the file, so that a slow disk is
// not met by every packet.
const bufferBytes = 1 << 20

// A Point is a place where packets are seen: an interface of the file.
type Point int

// The points of a network of two directions.
const (
	UpIn Point = iota
	UpOut
	DownIn
	DownOut
)

var pointNames = [...]string{UpIn: "up in", UpOut: "up out", DownIn: "down in", DownOut: "down out"}

// A Writer writes packets. Its methods may be called by several goroutines. A
// nil Writer writes nothing.
type Writer struct {
	mu      sync.Mutex
	file    *bufio.Writer
	packets *pcapgo.NgWriter
	frame   []byte // reused by Packet
	err     error  // the first one; nothing is written after it
}

// NewWriter returns a writer to a file and writes its beginning.
func NewWriter(file io.Writer) (*Writer, error) {
	w := &Writer{file: bufio.NewWriterSize(file, bufferBytes)}
	options := pcapgo.DefaultNgWriterOptions
	options.SectionInfo.Application = "medium"
	for point, name := range pointNames {
		var err error
		interfaceOf := pcapgo.NgInterface{Name: name, LinkType: layers.LinkTypeNull, TimestampResolution: 9}
		if point == 0 {
			w.packets, err = pcapgo.NewNgWriterInterface(w.file, interfaceOf, options)
		} else {
			_, err = w.packets.AddInterface(interfaceOf)
		}
		if err != nil {
			return nil, fmt.Errorf("writing the capture: %w", err)
		}
	}
	return w, nil
}

// Packet writes a packet that was seen at a point, with a comment where there
// is something to say. An error is kept for Close.
func (w *Writer) Packet(at time.Time, point Point, packet []byte, comment string) {
	if w == nil {
		return
	}
	var options pcapgo.NgPacketOptions
	if comment != "" {
		options.Comments = []string{comment}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frame = append(binary.LittleEndian.AppendUint32(w.frame[:0], familyOf(packet)), packet...)
	info := gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(w.frame), Length: len(w.frame), InterfaceIndex: int(point)}
	if w.err == nil {
		w.err = w.packets.WritePacketWithOptions(info, w.frame, options)
	}
}

// familyOf returns the number that a loopback interface has for a kind of
// packet (LINKTYPE_NULL): that of the address family in BSD.
func familyOf(packet []byte) uint32 {
	const inet, inet6 = 2, 30
	if len(packet) > 0 && packet[0]>>4 == 6 {
		return inet6
	}
	return inet
}

// Close writes what was kept back. It returns the first error of all writing.
// The file is left open.
func (w *Writer) Close() error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = w.packets.Flush()
	}
	if w.err == nil {
		w.err = w.file.Flush()
	}
	if w.err != nil {
		return fmt.Errorf("writing the capture: %w", w.err)
	}
	return nil
}
