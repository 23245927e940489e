package duplex

// english is what the programs say by default.
var english = texts{
	serverHelp: `serveur receives a file from client, or exchanges two files with it, both ways
at the same time, over UDP: encrypted, verified, over any network.

  serveur copy.bin 4000             receive one file; the other side runs
                                      client photo.bin HOST 4000
  serveur mine.bin copy.bin 4000    send mine.bin and receive copy.bin; the
                                    other side runs
                                      client photo.bin copy.bin HOST 4000

Arguments, told apart by their number
  serveur FILE_TO_WRITE LOCAL_PORT
  serveur FILE_TO_SEND FILE_TO_WRITE LOCAL_PORT

FILE_TO_WRITE is replaced if it exists, all at once, and only when every byte
has been verified. LOCAL_PORT is a UDP port, and the TCP port of that number for
clients that UDP does not reach; --udp or --tcp leaves it at one of the two.
0 picks a free one. The port is open on IPv4 and IPv6; where it listens is said
on standard error.

The first client is served, then the program ends. Nobody has to say who they
are: whoever reaches the port first is the client. A client that is silent for
30 seconds is taken for lost.

--trace FILE writes what happens to FILE, which uft plot draws. A file whose
name starts with a hyphen is written ./-name. Messages are in French where
LC_ALL, LC_MESSAGES or LANG says so.

Exit codes: 0 done and verified, 1 other (port in use, ...), 2 usage, 3 source
cannot be opened, 4 refused, or one way met both ways, 5 connection lost,
6 contents damaged or changed, 7 destination disk, 8 outcome unknown,
130 interrupted.
`,
	clientHelp: `client sends a file to serveur, or exchanges two files with it, both ways at the
same time, over UDP: encrypted, verified, over any network.

  client photo.bin HOST 4000              send one file; the other side runs
                                            serveur copy.bin 4000
  client photo.bin copy.bin HOST 4000     send photo.bin and receive copy.bin;
                                          the other side runs
                                            serveur mine.bin copy.bin 4000

Arguments, told apart by their number
  client FILE_TO_SEND REMOTE_HOST REMOTE_PORT
  client FILE_TO_SEND FILE_TO_WRITE REMOTE_HOST REMOTE_PORT [LOCAL_PORT]

REMOTE_HOST is a name, an IPv4 or an IPv6 address. FILE_TO_WRITE is replaced if
it exists, all at once, and only when every byte has been verified. Without
LOCAL_PORT the system chooses the port to send from. Where UDP gets no answer
within a second, TCP is tried too; --udp forbids that, --tcp uses TCP at once.

A serveur that is not there yet has 10 seconds to come; one that is silent for
30 seconds later is taken for lost. It does not have to prove who it is: whoever
answers at that port is the server.

--trace FILE writes what happens to FILE, which uft plot draws. A file whose
name starts with a hyphen is written ./-name. Messages are in French where
LC_ALL, LC_MESSAGES or LANG says so.

Exit codes: 0 done and verified, 1 other (port in use, ...), 2 usage, 3 source
cannot be opened, 4 refused, or one way met both ways, 5 no answer or connection
lost, 6 contents damaged or changed, 7 destination disk, 8 outcome unknown,
130 interrupted.
`,
	serverForms: "serveur FILE_TO_WRITE LOCAL_PORT, or serveur FILE_TO_SEND FILE_TO_WRITE LOCAL_PORT",
	clientForms: "client FILE_TO_SEND REMOTE_HOST REMOTE_PORT, or " +
		"client FILE_TO_SEND FILE_TO_WRITE REMOTE_HOST REMOTE_PORT [LOCAL_PORT]",

	usage:       "%s; see %s --help",
	wrongNumber: "the number of arguments, %d, does not fit: write %s",
	noArguments: "nothing to do: write %s",
	option:      `there is no option %s; if it is a file, write "./%[1]s"`,
	noValue:     "%s needs a value after it",
	badFile:     "%q cannot be the name of a file",
	badPort:     "port %q: a port is a number from %d to 65535",
	badHost:     "host %q: this is neither a name nor an IP address",
	hostAndPort: "host %q: the port is an argument of its own: %s %s",
	sameFile:    "%s is to be sent and to be written at the same time: two files are needed",
	sameTrace:   "%s cannot be the trace and a file of the transfer",

	bothCarriers: "--tcp and --udp contradict each other",

	listening: "listening on %s",
	connected: "connected to %s",
	overTCP:   "UDP gets no answer from %s: going over TCP",
	sent:      "sent %s: %s in %s, %s, %s",
	received:  "received %s: %s in %s, %s, %s",
	already:   "%s: the very same file (%s) was already there and was not sent again, %s",
	stray:     "no file was exchanged there (%s); still listening",

	portInUse:   "port %s is in use: end the program that uses it, or choose another port",
	noSocket:    "no socket: %s",
	noTrace:     "the trace cannot be written: %s",
	badTrace:    "the trace is not complete: %s",
	shortTrace:  "the trace lacks %d events: the disk did not take them in time",
	noAnswer:    "no answer from %s within %s: is serveur running there, and can UDP or TCP pass?",
	unknownHost: "host %q is not known",
	unreachable: "%s cannot be reached: %s",
	silence:     "the connection is lost: nothing heard from the other side for %s",
	lost:        "the connection is lost: %s",
	restarted:   "the connection is lost: the program at the other side was ended",
	mute:        "the other side said nothing",
	left:        "the connection is lost: the other side ended before everything was done",
	interrupted: "interrupted",
	mismatch:    "this program is to transfer %s and the other side %s: give both the same kind of arguments",
	oneWay:      "one way",
	bothWays:    "both ways",
	unknown:     "all of %s was sent, but no confirmation came: it may have arrived; sending it again is safe",
	source:      "cannot read %s: %s",
	destination: "cannot write %s: %s",
	integrity:   "%s did not arrive intact: %s",
	refused:     "%s is refused: %s",
	failed:      "%s: %s",
	otherSide:   "the other side says: %s",
	notAFolder:  "not a folder",
	reasons: [...]string{
		codeNone:          "no reason given",
		codeNotFound:      "no such file or folder",
		codePermission:    "permission denied",
		codeExists:        "a file of that name exists",
		codeBadName:       "not an acceptable file name",
		codeHidden:        "hidden files are left alone",
		codeTooLarge:      "the file is too large",
		codeNoSpace:       "not enough free space on the disk",
		codeNotRegular:    "not a regular file",
		codeNotServed:     "this kind of transfer is not done there",
		codeMode:          "one way met both ways",
		codeIntegrity:     "the contents are not what was read",
		codeSourceChanged: "the file changed while it was read",
		codeDisk:          "the disk failed",
		codeCancelled:     "interrupted",
		codeUnsupported:   "not supported",
		codeBusy:          "busy with another client",
		codeProtocol:      "a message that makes no sense",
		codeRate:          "the rate is out of bounds",
		codeInternal:      "internal error",
	},
}
