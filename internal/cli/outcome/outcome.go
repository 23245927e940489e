// Package outcome says which exit code stands for each way in which a transfer
// can end. It is apart from the codes themselves, so that a program that moves
// no files does not link those that do.
package outcome

import (
	"example.com/uft/transfer"

	"example.com/uft/internal/cli/exit"
)

// ForKind returns the exit code for each way in which a transfer can fail.
func ForKind(kind transfer.Kind) int {
	switch kind {
	case transfer.KindSource:
		return exit.Source
	case transfer.KindRefused:
		return exit.Refused
	case transfer.KindConnection:
		return exit.Unreachable
	case transfer.KindIntegrity:
		return exit.Integrity
	case transfer.KindDestination:
		return exit.Destination
	case transfer.KindUnknown:
		return exit.Unknown
	case transfer.KindIdentity:
		return exit.Identity
	case transfer.KindInterrupted:
		return exit.Interrupted
	default:
		return exit.Other
	}
}
