// Package transfer moves files over a connection of package transport: each
// arrives intact, or there is an error on both sides (docs/protocol.md §10).
//
// A [Client] sends files to a server and fetches files from one. A [Server]
// receives files into a folder, and sends files from it, for any number of
// clients at once. [Exchange] is for two programs that send each other one file.
//
// # What a result means
//
// A file that was sent is reported as done when the receiver has said that it
// is verified and durable under its name; where everything was sent and no such
// word came, the error is of [KindUnknown], and sending again is safe. A file
// that was received is reported as done when all of that is so here. In every
// other case nothing is under the final name that was not there before.
//
// # How the bytes go
//
// At the sender, one goroutine reads the files of an offer one after the other,
// hashes them and hands them to the connection as 64 KiB slabs; bytes leave with
// the offer, before the receiver has accepted it. At the receiver each file has
// a goroutine. Until the file is accepted its bytes stay in the transport's
// memory. After that each slab is hashed and written at its offset as it
// arrives, and its memory is given back at once, in whatever order slabs come:
// one that is ahead of the hash is read back from the part file when the hash
// gets there. So no amount of memory is needed for a transfer to go on, and the
// 1 MiB chunks that are verified do not have to fit the credit of the
// connection. The part file has no name that means anything before every chunk
// is verified. What is written to an io.Writer is verified before, chunk by
// chunk.
package transfer
