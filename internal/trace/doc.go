// Package trace writes and reads traces: files of what happened on a
// connection, or on a link, in the shape of qlog.
//
// A trace is a JSON text sequence (RFC 7464: each record begins with the
// character U+001E and ends with a line feed). The first record says what the
// trace is of, every other one is an event with its time, its name and its
// data, after draft-ietf-quic-qlog-main-schema. What differs from a qlog of
// QUIC is in docs/traces.md: among others, packets have one event for a whole
// train.
//
// A Writer never holds up who writes: a goroutine of its own writes to the file,
// and where that is too slow events are dropped and counted.
package trace
