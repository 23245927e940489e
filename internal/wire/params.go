package wire

import (
	"fmt"
	"time"
)

// maxParameters bounds the encoded transport parameters, in bytes.
const maxParameters = 4096

// Bounds of the max_ack_delay parameter, and what its absence means.
const (
	maxAckDelay     = (1 << 14) * time.Millisecond
	defaultAckDelay = 25 * time.Millisecond
)

// Identifiers of the transport parameters (docs/protocol.md §6.4).
const (
	paramOriginalDestination  = 0x01
	paramInitialSource        = 0x02
	paramRetrySource          = 0x03
	paramStatelessReset       = 0x04
	paramIdleTimeout          = 0x05
	paramInitialMaxData       = 0x06
	paramInitialMaxStreamData = 0x07
	paramInitialMaxStreams    = 0x08
	paramInitialMaxBulkData   = 0x09
	paramMaxAckDelay          = 0x0b
	paramMaxDatagram          = 0x0c
	paramBlockSize            = 0x0d
	paramRepairMemory         = 0x0e
)

// Parameters are the transport parameters that the endpoints exchange inside
// the TLS handshake (docs/protocol.md §6.4). As parsed, a parameter that the
// peer did not send is zero, but for MaxAckDelay, which is then 25 ms.
type Parameters struct {
	OriginalDestination    ConnectionID // of the client's first Initial; from a server
	HasOriginalDestination bool
	InitialSource          ConnectionID // of the sender's first Initial
	RetrySource            ConnectionID // of the Retry; from a server that sent one
	HasRetrySource         bool
	StatelessReset         [statelessResetTokenLen]byte // from a server
	HasStatelessReset      bool

	IdleTimeout time.Duration // in whole milliseconds

	InitialMaxData       uint64 // bytes of all streams together
	InitialMaxStreamData uint64 // bytes of each stream
	InitialMaxStreams    uint64 // streams that the peer may open
	InitialMaxBulkData   uint64 // bytes of all transfers together

	MaxAckDelay time.Duration // in whole milliseconds, at most 2^14 of them
	MaxDatagram uint64        // bytes of UDP payload that the sender can receive; 0: not sent
	BlockSize   uint64        // bytes of file data that DATA frames to the sender should hold; 0: BlockSize

	RepairMemory uint64 // bytes kept for the repair of transfers (§9.4); 0: does not repair
}

// Append appends the encoded parameters in ascending order of their ids. A
// limit of zero is what its absence means, and is left out; max_ack_delay, of
// which that is not true, is always there.
func (p Parameters) Append(b []byte) []byte {
	if p.HasOriginalDestination {
		b = AppendField(b, paramOriginalDestination, p.OriginalDestination[:])
	}
	b = AppendField(b, paramInitialSource, p.InitialSource[:])
	if p.HasRetrySource {
		b = AppendField(b, paramRetrySource, p.RetrySource[:])
	}
	if p.HasStatelessReset {
		b = AppendField(b, paramStatelessReset, p.StatelessReset[:])
	}
	b = appendParameter(b, paramIdleTimeout, uint64(p.IdleTimeout.Milliseconds()))
	b = appendParameter(b, paramInitialMaxData, p.InitialMaxData)
	b = appendParameter(b, paramInitialMaxStreamData, p.InitialMaxStreamData)
	b = appendParameter(b, paramInitialMaxStreams, p.InitialMaxStreams)
	b = appendParameter(b, paramInitialMaxBulkData, p.InitialMaxBulkData)
	b = AppendUintField(b, paramMaxAckDelay, uint64(p.MaxAckDelay.Milliseconds()))
	b = appendParameter(b, paramMaxDatagram, p.MaxDatagram)
	b = appendParameter(b, paramBlockSize, p.BlockSize)
	return appendParameter(b, paramRepairMemory, p.RepairMemory)
}

func appendParameter(b []byte, id, v uint64) []byte {
	if v == 0 {
		return b
	}
	return AppendUintField(b, id, v)
}

// ParseParameters reads the parameters that a peer sent. Unknown ones are
// ignored. The error is an *Error with TRANSPORT_PARAMETER_ERROR when they are
// malformed, too long, or out of bounds, when one comes twice, or when
// initial_source_connection_id is missing.
func ParseParameters(b []byte) (Parameters, error) {
	p := Parameters{MaxAckDelay: defaultAckDelay}
	if len(b) > maxParameters {
		return Parameters{}, parameterError("%d bytes of parameters are more than %d", len(b), maxParameters)
	}
	var seen uint64 // a bit for each known id
	for len(b) > 0 {
		id, value, n := ConsumeField(b)
		if n < 0 {
			return Parameters{}, parameterError("truncated")
		}
		b = b[n:]
		if id < paramOriginalDestination || id > paramRepairMemory {
			continue
		}
		if seen&(1<<id) != 0 {
			return Parameters{}, parameterError("parameter 0x%02x comes twice", id)
		}
		seen |= 1 << id
		if !p.set(id, value) {
			return Parameters{}, parameterError("parameter 0x%02x has the bad value %x", id, value)
		}
	}
	if seen&(1<<paramInitialSource) == 0 {
		return Parameters{}, parameterError("initial_source_connection_id is missing")
	}
	return p, nil
}

// set stores the value of a known parameter and reports whether it is one.
func (p *Parameters) set(id uint64, value []byte) bool {
	switch id {
	case paramOriginalDestination:
		p.HasOriginalDestination = true
		return copyExactly(p.OriginalDestination[:], value)
	case paramInitialSource:
		return copyExactly(p.InitialSource[:], value)
	case paramRetrySource:
		p.HasRetrySource = true
		return copyExactly(p.RetrySource[:], value)
	case paramStatelessReset:
		p.HasStatelessReset = true
		return copyExactly(p.StatelessReset[:], value)
	}
	v, ok := UintValue(value)
	if !ok {
		return false
	}
	switch id {
	case paramIdleTimeout:
		p.IdleTimeout = clampedDuration(v, time.Millisecond)
	case paramInitialMaxData:
		p.InitialMaxData = v
	case paramInitialMaxStreamData:
		p.InitialMaxStreamData = v
	case paramInitialMaxStreams:
		p.InitialMaxStreams = v
	case paramInitialMaxBulkData:
		p.InitialMaxBulkData = v
	case paramMaxAckDelay:
		p.MaxAckDelay = clampedDuration(v, time.Millisecond)
		return p.MaxAckDelay <= maxAckDelay
	case paramMaxDatagram:
		p.MaxDatagram = v
		return v >= MaxDatagram
	case paramBlockSize:
		p.BlockSize = v
		return v >= BlockSize
	case paramRepairMemory:
		p.RepairMemory = v
	}
	return true
}

// copyExactly copies src to dst and reports whether they are of one length.
func copyExactly(dst, src []byte) bool { return copy(dst, src) == len(src) && len(src) == len(dst) }

func parameterError(format string, args ...any) error {
	return &Error{Code: CodeTransportParameter, Reason: fmt.Sprintf(format, args...)}
}
