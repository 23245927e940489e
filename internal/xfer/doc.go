// Package xfer decides how files move between two applications: who offers,
// who asks, which chunks travel, what is verified, and when a transfer is over
// (docs/protocol.md §10).
//
// It is pure. A Session turns the messages of the peer into events and into
// calls on one Sender or Receiver for each file; what they want to say is
// polled with NextMessage. Nothing here reads a file, hashes on its own account
// or waits: the package transfer does, and tells the machines what came of it.
package xfer
