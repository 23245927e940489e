package uft

// helpText is what `uft help` prints: examples first. It is written by hand
// because its order is not that of the alphabet; a test holds it against the
// list of options.
const helpText = `uft moves files over UDP, or TCP where UDP is blocked: encrypted, verified.

  uft -a                          receive files into this folder
  uft HOST -t FILE                send FILE to that server
  uft -s -d /srv/files            let others fetch files from a folder
  uft HOST -r NAME                fetch NAME from that server

Send or fetch several files: uft HOST -t a b c. Send standard input with -t -,
write to standard output with -o -. Options may stand anywhere.

Client: uft HOST -t FILE [FILE...], uft HOST -r NAME [NAME...]
  -t, --transmit FILE       send a file
  -r, --request NAME        fetch a file
  -b, --bitrate RATE        send at this rate, headers included: 2500000, 10M,
                            1.5Gbit/s; at least 8k (default: find the rate)
      --mode MODE           background: use only what everybody else on the way
                            leaves, to send or to fetch; default: share it
  -o, --output PATH         write the fetched file to PATH
      --name NAME           name of what is sent from standard input
      --fingerprint SHA256:...  the server must have this identity
      --known-hosts FILE    list of known servers
      --timeout TIME        wait this long for a first answer (default 10s)

Server: uft -a, uft -s, or both
  -a, --accept              accept files from any host
  -s, --serve               serve files to any host
      --key FILE            key of the server, made if there is none
      --http ADDRESS        with -s: show the folder, and at /status what is
                            going on, to any browser; NOT encrypted, NOT
                            verified: 8080, 127.0.0.1:8080

Where files are written or served (server, and client with -r)
  -d, --dir DIR             the folder (default: the current one)
      --overwrite           replace existing files
      --hidden              also names that start with a dot
      --max-size SIZE       refuse larger files: 500M, 2.5GiB

Everywhere
  -p, --port PORT           port (default 5855; 0 at a server: any free one)
      --udp                 UDP alone (default: TCP too, where UDP gets no
                            answer; a server listens on both)
      --tcp                 TCP alone
  -l, --loss P              throw away this share of what leaves, 0.0 to 1.0
      --seed N              repeat the same losses
      --block-size SIZE     put more than 1024 bytes of a file into a datagram,
                            as far as the path carries it: 1400, 8192, 32K,
                            or auto: as many as get through (UDP only)
      --idle-timeout TIME   give up after this much silence (default 120s)
      --trace FILE          write what happens to FILE, for uft plot
      --json                print what became of each file as a line of JSON
  -q, --quiet               print errors only
  -v, --verbose             print more
  -h, --help                print this help

Commands
  uft hash FILE...          print the hash that a transfer of FILE shows
  uft doctor [HOST]         what makes transfers slow here, or on the way to
                            HOST, and how to mend it; uft doctor -h
  uft plot FILE             draw what --trace wrote; uft plot -h
  uft version               print the version

Exit codes: 0 done and verified, 1 other, 2 usage, 3 source cannot be opened,
4 refused, 5 no answer or connection lost, 6 contents damaged or changed,
7 destination disk, 8 outcome unknown, 9 identity changed, 130 interrupted.
`
