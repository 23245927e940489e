// Package uft is the program `uft`: it sends files to a server, requests files
// from one, is such a server, and finds out why that goes slowly.
//
// Run is the whole program behind a main of a few lines. Parse turns the
// arguments into a Command, a plain value that says everything the user asked
// for; carrying it out is left to one file for each action. The exit codes
// stand in exit.go, the options in options.go.
package uft

import (
	"time"

	"example.com/uft/transport"
)

// DefaultPort is the port, of UDP and of TCP, where none is given. IANA lists it as unassigned
// (5843 to 5858 are), it lies below the ephemeral ports of all common systems
// (32768 or 49152 upwards), and needs no privilege.
const DefaultPort = 5855

const (
	// DefaultTimeout is how long a client waits for a first answer.
	DefaultTimeout = 10 * time.Second
	// DefaultIdleTimeout is how long a peer may be silent after that.
	DefaultIdleTimeout = 120 * time.Second
	// DefaultStdinName names what is read from standard input.
	DefaultStdinName = "stdin"
	// MinBitrate is the lowest rate that -b takes, in bit/s: about one
	// datagram a second.
	MinBitrate = 8000
)

// Stdio is the file name that stands for standard input or standard output.
const Stdio = "-"

// Action is what a Command does.
type Action int

// The actions. The zero Action is none of them.
const (
	Help       Action = iota + 1 // print the help
	Version                      // print the version
	Hash                         // print the hashes of local files
	Serve                        // be a server
	Send                         // transmit files to a server
	Fetch                        // request files from a server
	Doctor                       // examine the machine, and the way to a server
	DoctorHelp                   // print the help of that
)

// Command is a command line, understood and checked. Fields that do not belong
// to the action have their zero value.
type Command struct {
	Action Action

	// Files are the files to hash or send, or the names to request, in the
	// order given: never none for these actions. Stdio stands for standard
	// input, at most once.
	Files []string
	// Host is the server as the user named it, without brackets: a host name
	// or an IP address, perhaps with a zone.
	Host string
	// Accept and Serve say what a server lets its clients do: send files to
	// it, request files from it. At least one is set.
	Accept, Serve bool

	// Port is the server's port; 0, at a server only, is any free one.
	Port uint16
	// Loss is the probability, 0 to 1, with which each datagram that leaves is
	// thrown away.
	Loss float64
	// Seed makes the losses repeat if Seeded is set.
	Seed   uint64
	Seeded bool
	// Bitrate is the gross rate of the transfer in bit/s, at least MinBitrate.
	// At 0 the rate is to be found by itself.
	Bitrate int64
	// Background has the sender of the files, which is the server where they are
	// requested, yield to everybody else on the path.
	Background bool
	// BlockSize is how many bytes of a file a datagram is to carry where the path
	// lets it through, or transport.AutoBlockSize; 0 is what every path carries.
	BlockSize int
	// Carrier is what takes the datagrams: with AnyCarrier, UDP where it gets
	// through and else TCP.
	Carrier transport.Carrier
	// HTTP is the address, "host:port" or ":port", at which the folder is also
	// served over HTTP; empty is nowhere.
	HTTP string

	// Dir is the folder received into or served from.
	Dir string
	// Output is where a single requested file goes, Stdio for standard output.
	// If it is empty, files go under their own names into Dir.
	Output string
	// StdinName is the name under which standard input is sent.
	StdinName string
	// Overwrite lets received files replace existing ones.
	Overwrite bool
	// Hidden lets names with a leading dot be written and served.
	Hidden bool
	// MaxSize bounds the size of a received file, in bytes; 0 is no bound.
	MaxSize int64

	// Key is the file of the server's key; empty is the default place.
	Key string
	// Fingerprint is the server's identity if the user gave it, else empty.
	Fingerprint string
	// KnownHosts is the file of known servers; empty is the default place.
	KnownHosts string
	// Timeout bounds the wait for a client's first answer, IdleTimeout the
	// silence after that.
	Timeout, IdleTimeout time.Duration

	// Quiet leaves only errors, Verbose adds details.
	Quiet, Verbose bool
	// JSON has what was found, and what became of each file, printed for
	// programs.
	JSON bool
	// Trace is the file that a trace is written to; empty is none.
	Trace string
}
