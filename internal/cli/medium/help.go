package medium

const help = `medium stands between UDP clients and a server, or between two network
interfaces, and behaves like a bad network.

  medium --listen 127.0.0.1:9000 --to 127.0.0.1:5000 --loss 0.05 --delay 40ms

Clients then send to port 9000 what is meant for port 5000. End it with Ctrl-C.

  ip netns add ns1; ip netns add ns2
  medium --tun --left ns1,10.9.0.1/24 --right ns2,10.9.0.2/24 rate=100M delay=50ms

Then any program in ns1 (ip netns exec ns1 ...) reaches 10.9.0.2 over that link.

A relay for UDP:
  --listen ADDR            where clients send to, host:port
  --to ADDR                where the server is, host:port
  --from ADDR              the only client, host:port; then either side may send
                           first, to the --listen address. Without it any client
                           is served, many at once, as by a NAT

A tunnel for everything over IP (Linux, as root):
  --tun                    make two TUN devices and forward between them
  --left [NS][,ADDR/BITS...][,dev=NAME]
                           one device: its network namespace, by name or path,
                           its addresses, IPv4 and IPv6, and its name. All may be
                           left out: the device is then here, for you to set up
  --right ...              the other device
  --mtu N                  the largest packet of both (1500)

What it does to the datagrams of both directions (P is 0 to 1, or 5%); each may
be written without its dashes too, as rate=10M, up.rate=10M or down.rate=10M:
  --loss P                 lose them
  --burst N                lose N in a row on average (Gilbert-Elliott)
  --delay D                delay them, for example 30ms
  --jitter D               spread the delay evenly by ± D; this reorders too
  --reorder P              hold them back, so that later ones overtake
  --duplicate P            deliver them twice
  --corrupt P              flip bits
  --rate R                 limit the rate of IP packets, all clients together, for
                           example 10M or 1.5Gbit/s
  --queue BYTES|DURATION   what waits at most for the rate, for example 64k or
                           50ms; more is dropped (100ms)
  --queue codel[,TARGET[,INTERVAL]][,BYTES][,ecn]
                           drop early instead, as in RFC 8289 (5ms, 100ms); ecn
                           marks what a tunnel carries instead of dropping it
  --police R[,BYTES]       drop what exceeds a rate and a burst, without a queue
  --blackout START,LENGTH  lose everything for a time, for example 2s,500ms after
                           the first datagram; may be repeated
  --cells FILE[,FILE]      in place of a rate, send when a trace in mahimahi's
                           format says so: of both directions, or of up and down

In one direction only, in place of the above; the same words, with + between the
parts of a value (blackout=START+LENGTH, queue=codel+5ms):
  --up 'loss=0.1,delay=30ms'    from clients to the server, from left to right
  --down 'rate=10M,queue=50ms'  from the server to clients, from right to left

What it does later:
  --scenario FILE          change as time passes. A line of the file is a time
                           after the first datagram and what changes then, such as
                           10s: rate=5M down.loss=2%, or 20s: blackout=3s; a last
                           line, repeat 60s, begins again
  --control PATH           take changes while it runs, at a Unix socket:
  medium ctl PATH rate=5M up.loss=2%
  medium ctl PATH stats

  --pcap FILE              write what enters and leaves to a pcapng file
  --trace FILE             write what the link does to FILE, for uft plot
  --trace-packets          and what becomes of every packet
  --seed N                 repeat a run with the same chances
  -v, --verbose            print counters every second, not only at the end
  -h, --help               print this text

Exit codes: 0 ended by a signal, 1 failed (say, port in use), 2 wrong usage.
`
