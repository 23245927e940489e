package xfer

import "fmt"

// Code says why a transfer, a request or a whole connection of the application
// came to nothing (docs/protocol.md §12.2). REFUSE, ERROR and
// APPLICATION_CLOSE carry it.
type Code uint64

// The codes of docs/protocol.md §12.2.
const (
	CodeNone          Code = 0  // nothing went wrong
	CodeNotFound      Code = 1  // no file of that name
	CodePermission    Code = 2  // the file may not be opened
	CodeExists        Code = 3  // a file of that name exists, and may not be overwritten
	CodeBadName       Code = 4  // the name is not acceptable
	CodeHidden        Code = 5  // hidden files are left alone
	CodeTooLarge      Code = 6  // larger than the receiver takes
	CodeNoSpace       Code = 7  // the receiver's disk is too full
	CodeNotRegular    Code = 8  // not a regular file
	CodeNotServed     Code = 9  // this peer does not write, or does not send, files
	CodeMode          Code = 10 // a one-way program met a both-ways one
	CodeIntegrity     Code = 11 // the bytes are not those that were announced
	CodeSourceChanged Code = 12 // the file changed while it was read
	CodeDisk          Code = 13 // the disk of whoever says so failed
	CodeCancelled     Code = 14 // the user of whoever says so gave up
	CodeUnsupported   Code = 15 // the message asks for what this peer cannot do
	CodeBusy          Code = 16 // too many transfers at once
	CodeProtocol      Code = 17 // the peer broke the rules of §10
	CodeRate          Code = 18 // the rate asked for is not possible
	CodeInternal      Code = 19 // anything else
)

var codeNames = [...]string{
	CodeNone:          "NONE",
	CodeNotFound:      "NOT_FOUND",
	CodePermission:    "PERMISSION",
	CodeExists:        "EXISTS",
	CodeBadName:       "BAD_NAME",
	CodeHidden:        "HIDDEN",
	CodeTooLarge:      "TOO_LARGE",
	CodeNoSpace:       "NO_SPACE",
	CodeNotRegular:    "NOT_REGULAR",
	CodeNotServed:     "NOT_SERVED",
	CodeMode:          "MODE",
	CodeIntegrity:     "INTEGRITY",
	CodeSourceChanged: "SOURCE_CHANGED",
	CodeDisk:          "DISK",
	CodeCancelled:     "CANCELLED",
	CodeUnsupported:   "UNSUPPORTED",
	CodeBusy:          "BUSY",
	CodeProtocol:      "PROTOCOL",
	CodeRate:          "RATE",
	CodeInternal:      "INTERNAL",
}

// String returns the name that docs/protocol.md §12.2 gives the code.
func (c Code) String() string {
	if c < Code(len(codeNames)) {
		return codeNames[c]
	}
	return fmt.Sprintf("CODE(%d)", uint64(c))
}

// Failure is how a transfer ended when it did not succeed.
type Failure struct {
	Code   Code
	Remote bool   // the peer said so; otherwise this side did
	Text   string // for people; the peer's words where Remote, not escaped
}

// Error names the code and the text, quoted where it is the peer's.
func (f *Failure) Error() string {
	if f.Remote {
		return fmt.Sprintf("the peer says %v: %q", f.Code, f.Text)
	}
	return fmt.Sprintf("%v: %s", f.Code, f.Text)
}

// ProtocolError is a mistake in the messages of the peer. It ends the
// connection, with APPLICATION_CLOSE and its Code.
type ProtocolError struct {
	Code Code // CodeProtocol or CodeMode
	Text string
}

// Error returns the code and the text.
func (e *ProtocolError) Error() string { return fmt.Sprintf("%v: %s", e.Code, e.Text) }

// broken returns a ProtocolError of code PROTOCOL.
func broken(format string, args ...any) error {
	return &ProtocolError{Code: CodeProtocol, Text: fmt.Sprintf(format, args...)}
}
