package outcome

import (
	"testing"

	"example.com/uft/transfer"
)

func TestForKind(t *testing.T) {
	for kind, want := range map[transfer.Kind]int{
		transfer.KindOther: 1, transfer.KindSource: 3, transfer.KindRefused: 4, transfer.KindConnection: 5,
		transfer.KindIntegrity: 6, transfer.KindDestination: 7, transfer.KindUnknown: 8,
		transfer.KindIdentity: 9, transfer.KindInterrupted: 130, transfer.Kind(99): 1,
	} {
		if got := ForKind(kind); got != want {
			t.Errorf("%v is exit code %d, want %d", kind, got, want)
		}
	}
}
