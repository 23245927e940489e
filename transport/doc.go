// Package transport is reliable, encrypted connections over UDP, and over TCP
// where UDP does not get through: ordered streams of bytes, and bulk transfers
// whose bytes arrive in any order, each at its offset. The protocol is docs/protocol.md; its logic is internal/core, and
// this package is the shell around it that has the goroutines, the sockets and
// the clock.
//
// # Overview
//
// A server calls [Listen] and then [Listener.Accept] for each connection; a
// client calls [Dial]. Both get a [Conn]. On it either side opens a [Stream],
// which is a net.Conn, or a [BulkSender]; the other side gets it from
// [Conn.AcceptStream] or, as a [BulkReceiver], from [Conn.AcceptBulk].
//
// A stream delivers its bytes in order, so one lost datagram holds up all that
// follow it. That is right for messages. A bulk transfer hands out every slab
// of [SlabSize] bytes as soon as it is complete, wherever in the transfer it
// stands, so a loss holds up nothing but itself. That is right for files.
//
// # Who answers at the other end
//
// Every connection is encrypted, and the server proves that it owns its
// identity key. Whether that key is the right one is decided by
// Config.VerifyServer; without it any server is taken for the right one.
// Clients are anonymous.
//
// # Data before the handshake is over
//
// With a Config.Session, a client that knows the server may send before it
// heard from it (0-RTT). Such data is as well protected from readers as any
// other, but somebody on the path can record it and send it to the server once
// more: only what does no harm when it happens twice should act on it.
// Conn.EarlyData tells, on both sides, Conn.Connected when it is over.
//
// # Ending and cancelling
//
// A context bounds only the call it is given to: when it ends, the call returns
// its error and the connection, the stream or the transfer lives on. Dial alone
// gives up the connection that it was about to make. Conn.Close, and the end of
// a connection for whatever reason, end all calls on the connection and on its
// streams and transfers. Bytes that had arrived by then can still be read.
//
// Close does not wait for what was written: whoever wants to know that it has
// arrived waits for BulkSender.Delivered or for an answer on a stream. It
// returns after the peer was told, once, by a datagram that may get lost; the
// peer then finds out by its idle timeout.
//
// # Examples
//
// Three programs, one file each, show how all of this is used and why that way:
//
//   - [example.com/uft/examples/echo]: streams, and how a client knows its server
//   - [example.com/uft/examples/filecopy]: a transfer, beside a stream that says
//     what it is
//   - [example.com/uft/examples/rpc]: a stream for each call, many at once, each
//     with its time limit and its error
//
// Programs that are written for TCP, such as net/http, need none of that: they
// take [Listener.Streams] for a net.Listener and [StreamDialer] for a dialer.
//
// # Goroutines
//
// Each socket has one goroutine that reads it and finds the connection for
// every train of datagrams, and each connection has one that owns it: it feeds
// trains and timeouts to the core and sends what the core wants to send. Calls
// of the application act on the core themselves, under the connection's mutex,
// and wake the owner, which sends what follows from them. The mutex is never
// held over a system call, nor while anything is waited for.
//
// A TCP connection has a goroutine that reads and one that writes, so that the
// owner never waits for it; at a client, one more opens it, and replaces it when
// it breaks.
//
// # Limitations
//
// A connection keeps its port and its network: a client may move to another
// address, a server may not. All datagrams of a connection take one path.
// Datagrams have the size that every path carries; larger ones are not tried.
package transport
