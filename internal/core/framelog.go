package core

// A sentFrame remembers what a control frame told the peer, so that its fate
// can be acted upon: acknowledged, it is done; lost, the same information is
// sent again in a new packet, in its newest form (docs/protocol.md §7.4).
type sentFrame struct {
	kind       sentKind
	id         uint64 // stream or transfer, where the frame has one
	start, end uint64 // bytes of STREAM and CRYPTO; the largest packet of ACK
}

type sentKind uint8

const (
	sentAck sentKind = iota
	sentCrypto
	sentStream
	sentStreamFin
	sentResetStream
	sentStopSending
	sentMaxData
	sentMaxStreamData
	sentMaxStreams
	sentBulkEnd
	sentResetBulk
	sentStopBulk
	sentMaxBulkData
	sentBulkHave
	sentHandshakeDone
	sentNewToken
	sentPing
)

// frameLogs keeps the sent frames of the packets in flight. A packet's record
// holds an index into it; 0 means no log.
type frameLogs struct {
	logs [][]sentFrame
	free []uint32
}

// put stores a copy of frames and returns its index, 0 for an empty list.
func (l *frameLogs) put(frames []sentFrame) uint32 {
	if len(frames) == 0 {
		return 0
	}
	if len(l.logs) == 0 {
		l.logs = append(l.logs, nil)
	}
	if n := len(l.free); n > 0 {
		i := l.free[n-1]
		l.free = l.free[:n-1]
		l.logs[i] = append(l.logs[i][:0], frames...)
		return i
	}
	l.logs = append(l.logs, append([]sentFrame(nil), frames...))
	return uint32(len(l.logs) - 1)
}

// get returns the frames of a log, borrowed until it is released.
func (l *frameLogs) get(i uint32) []sentFrame {
	if i == 0 {
		return nil
	}
	return l.logs[i]
}

// release gives the log's place back.
func (l *frameLogs) release(i uint32) {
	if i != 0 {
		l.logs[i] = l.logs[i][:0]
		l.free = append(l.free, i)
	}
}
