package doctor

import "testing"

// TestTrains tries the offloads of this kernel. Where it has them, all
// datagrams come; where not, the finding says so.
func TestTrains(t *testing.T) {
	for _, join := range []bool{false, true} {
		trial := sendTrains(join)
		if trial.err != nil {
			t.Logf("joining %v: this kernel refuses: %v", join, trial.err)
			continue
		}
		if trial.sent != trainsTried*trainSegments || trial.arrived != trial.sent || trial.damaged != 0 {
			t.Errorf("joining %v: %+v", join, trial)
		}
		if trial.sendCalls != trainsTried {
			t.Errorf("joining %v: sent in %d system calls", join, trial.sendCalls)
		}
		if !join && trial.calls != trial.sent {
			t.Errorf("%d datagrams came in %d calls without joining", trial.arrived, trial.calls)
		}
	}
}

// TestCompare: wrong sizes, wrong contents and wrong numbers are damage.
func TestCompare(t *testing.T) {
	train := make([]byte, trainSegment*trainSegments)
	for i := range trainSegments {
		train[i*trainSegment+3] = byte(i)
		fill(train[i*trainSegment+4:][:trainSegment-4], byte(i))
	}
	changed := append([]byte(nil), train[:trainSegment]...)
	changed[500]++
	beyond := append([]byte(nil), train[:trainSegment]...)
	beyond[0] = 0xff
	for _, test := range []struct {
		name             string
		received         []byte
		size             int
		arrived, damaged int
	}{
		{"one", train[:trainSegment], trainSegment, 1, 0},
		{"all", train, trainSegment, trainSegments, 0},
		{"not taken apart", train, len(train), 0, 1},
		{"cut", train[:trainSegment-1], trainSegment - 1, 0, 1},
		{"changed", changed, trainSegment, 0, 1},
		{"number out of range", beyond, trainSegment, 0, 1},
	} {
		var result trial
		result.compare(test.received, test.size, train)
		if result.arrived != test.arrived || result.damaged != test.damaged {
			t.Errorf("%s: %+v", test.name, result)
		}
	}
}
