package link

import (
	"testing"

	"example.com/uft/internal/alloctest"
)

func TestAdmitAllocatesNothing(t *testing.T) {
	for _, test := range benchmarkSpecs {
		admit := admitter(t, test.spec)
		if got := alloctest.Least(func() {
			for range 10_000 {
				admit()
			}
		}); got > 0 {
			t.Errorf("%s: %v allocations for 10,000 datagrams, want none", test.name, got)
		}
	}
}
