package chat

// helpText is what `chat --help` prints: examples first. It is written by hand
// because its order is not that of the alphabet; a test holds it against the
// list of options.
const helpText = `chat passes messages between machines, with and without a connection.

  chat --listen 3000              be a server
  chat HOST 3000                  talk to it
  chat --listen 3000 --udp --echo "i am the server"
  echo hello | chat HOST 3000 --udp

Modes, the same on both sides
  (none)                    a connection, encrypted; the key tells the server
      --tcp                 a connection, bare TCP: anyone can read along
      --udp                 no connection, bare datagrams: anyone can read along
                            and nobody knows who is still there
nc and nc -u are the other side of --tcp and --udp, if you like.

Server: chat --listen PORT
  -l, --listen PORT         the port (0: any free one)
      --echo TEXT           answer every message with TEXT, and show the senders
      --key FILE            key of the server, made if there is none

Client: chat HOST PORT
      --fingerprint SHA256:...  the server must have this identity
      --known-hosts FILE    list of known servers
      --wait TIME           at the end of a piped input, wait for answers until
                            it has been quiet for TIME (default 1s)

Everywhere
      --carrier any|udp|tcp   what carries the encrypted mode (default: UDP, and
                            TCP where UDP does not get through)
      --name NAME           stands in the prompt instead of the host name
  -h, --help                print this help

What is typed
  text                      a message; the server's go to all clients
  exit                      end; a client says exit to the server first
  Ctrl-D                    end; with --udp nobody is told
  /who                      server: list the clients
  /to NAME text             server: a message to one client
  /help                     list these commands
  //text                    a message that begins with /
Without a terminal there is no prompt: messages go to standard output, notices
to standard error, and a server whose input ends goes on until it is stopped.
A message has at most 1 MiB, with --udp what fits a datagram (about 65 kB).

Exit codes: 0 done, 1 other, 2 usage, 5 no answer or connection lost,
9 identity changed, 130 interrupted.
`
