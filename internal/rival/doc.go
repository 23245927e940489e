// Package rival models the other traffic that a link is shared with: bulk
// senders of TCP, with CUBIC (RFC 9438) or with BBR, as flows of packets
// through the links of a simulated network.
//
// A Flow is a model and not a TCP: it has an endless file, segments of 1500
// bytes, an acknowledgement for every second one, loss detection by three later
// acknowledgements or by time (RFC 8985), and a retransmission timeout. What it
// sends carries no bytes; a segment that was lost is sent again as one more.
// That is all a competitor on the same bottleneck notices of a TCP.
package rival
