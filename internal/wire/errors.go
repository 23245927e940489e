package wire

import (
	"errors"
	"fmt"
)

// ErrorCode says why an endpoint ended a connection (docs/protocol.md §12). It
// is what CONNECTION_CLOSE carries. It deliberately is not an error: Error is
// the mistake that this side found in what the peer sent, and a code that the
// peer sent is the peer's opinion.
type ErrorCode uint64

// The codes of docs/protocol.md §12.
const (
	CodeNoError            ErrorCode = 0x00
	CodeInternalError      ErrorCode = 0x01
	CodeConnectionRefused  ErrorCode = 0x02
	CodeFlowControl        ErrorCode = 0x03
	CodeLimitExceeded      ErrorCode = 0x04
	CodeStateError         ErrorCode = 0x05
	CodeFinalSizeError     ErrorCode = 0x06
	CodeFrameEncoding      ErrorCode = 0x07
	CodeTransportParameter ErrorCode = 0x08
	CodeProtocolViolation  ErrorCode = 0x09
	CodeInvalidToken       ErrorCode = 0x0a
	CodeKeyLimit           ErrorCode = 0x0b

	// CodeCryptoBase plus a TLS alert (0 to 255) is a failure of the TLS
	// handshake.
	CodeCryptoBase ErrorCode = 0x100
)

var codeNames = [...]string{
	CodeNoError:            "NO_ERROR",
	CodeInternalError:      "INTERNAL_ERROR",
	CodeConnectionRefused:  "CONNECTION_REFUSED",
	CodeFlowControl:        "FLOW_CONTROL_ERROR",
	CodeLimitExceeded:      "LIMIT_EXCEEDED",
	CodeStateError:         "STATE_ERROR",
	CodeFinalSizeError:     "FINAL_SIZE_ERROR",
	CodeFrameEncoding:      "FRAME_ENCODING_ERROR",
	CodeTransportParameter: "TRANSPORT_PARAMETER_ERROR",
	CodeProtocolViolation:  "PROTOCOL_VIOLATION",
	CodeInvalidToken:       "INVALID_TOKEN",
	CodeKeyLimit:           "KEY_LIMIT",
}

// String returns the name that docs/protocol.md §12 gives the code.
func (c ErrorCode) String() string {
	switch {
	case c < ErrorCode(len(codeNames)):
		return codeNames[c]
	case c >= CodeCryptoBase && c < CodeCryptoBase+256:
		return fmt.Sprintf("CRYPTO_ERROR(alert %d)", uint64(c-CodeCryptoBase))
	default:
		return fmt.Sprintf("ERROR(0x%x)", uint64(c))
	}
}

// Error is a mistake of the peer, found in what it sent. It ends the
// connection with Code.
type Error struct {
	Code   ErrorCode
	Frame  FrameType // the frame at fault; FramePadding where it is none
	Reason string    // for people
}

// Error names the code, the frame if there is one, and the reason.
func (e *Error) Error() string {
	if e.Frame == FramePadding {
		return fmt.Sprintf("%v: %s", e.Code, e.Reason)
	}
	return fmt.Sprintf("%v in %v: %s", e.Code, e.Frame, e.Reason)
}

// Errors of headers and messages. A packet with a bad header is dropped, since
// nothing proves that the peer sent it; a message that is too large ends its
// stream.
var (
	// ErrVersion says that a long header is of a version other than Version1.
	ErrVersion = errors.New("unknown protocol version")

	// ErrHeader says that a packet's header is truncated or malformed.
	ErrHeader = errors.New("malformed packet header")

	// ErrMessageTooLarge says that a control message announces a body above
	// the limit.
	ErrMessageTooLarge = errors.New("message too large")
)
