package chat

import (
	"time"

	"example.com/uft/transport"
)

// Mode is how messages travel.
type Mode int

// The modes.
const (
	Own Mode = iota // our own transport: connections, encrypted
	TCP             // bare TCP: connections, one line for each message
	UDP             // bare datagrams: no connections, one datagram for each message
)

// String names the mode as /who and the options do.
func (m Mode) String() string {
	switch m {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	default:
		return "encrypted"
	}
}

// DefaultWait is how long a client whose input has ended waits for answers,
// counted from the last one.
const DefaultWait = time.Second

// Command is a command line, understood and checked. Fields that do not belong
// to what it does have their zero value.
type Command struct {
	// Help asks for the help; nothing else is set then.
	Help bool
	// Listen makes the program a server.
	Listen bool
	// Host is the server of a client, without brackets.
	Host string
	// Port is the server's port; 0, at a server only, is any free one.
	Port uint16
	// Mode is how messages travel.
	Mode Mode
	// Carrier is what takes the datagrams of mode Own.
	Carrier transport.Carrier
	// Name stands in the prompt; empty is the host name.
	Name string

	// Echo is what a server answers to every message if Echoes is set.
	Echo   string
	Echoes bool
	// Key is the file of the server's key; empty is the default place.
	Key string

	// Fingerprint is the server's identity if the user gave it, else empty.
	Fingerprint string
	// KnownHosts is the file of known servers; empty is the default place.
	KnownHosts string
	// Wait is how long a client whose input has ended waits for answers.
	Wait time.Duration
}
