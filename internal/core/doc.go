// Package core is the protocol of one connection (Conn) and of the endpoint
// that finds the connection for a datagram (Endpoint), as pure state machines:
// no goroutine, clock, socket, lock or global. docs/protocol.md specifies it.
//
// The caller owns time and I/O. It hands in what arrives and polls what is to
// leave, always in this order:
//
//	c.HandleTrain(now, path, ecn, buf, segmentSize)   // datagrams came in
//	for { b, ok := c.NextBlock(); ... }               // file bytes, borrowed from buf
//	c.HandleTimeout(now)                              // now >= Deadline()
//	c.WriteStream, c.GrantBulk, c.Close, ...          // the application acts
//	for { n, ... := c.Transmit(now, out, 61); ... }   // until n == 0
//	for { e, ok := c.NextEvent(); ... }               // what happened
//	at := c.Deadline()                                // when to call HandleTimeout
//
// After any input the caller drains Transmit and NextEvent and re-arms its one
// timer from Deadline. Times never go backwards. None of it may be called from
// two goroutines at once.
//
// Where to look first: a datagram comes in at recv.go (HandleTrain), leaves at
// send.go (Transmit); loss is decided in package recovery and acted upon in
// fates.go; the rate is decided in package congestion.
package core
