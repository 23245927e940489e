package wire

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var allParameters = Parameters{
	OriginalDestination: serverID, HasOriginalDestination: true,
	InitialSource: clientID,
	RetrySource:   serverID, HasRetrySource: true,
	StatelessReset: [16]byte{0: 1, 15: 2}, HasStatelessReset: true,
	IdleTimeout:          120 * time.Second,
	InitialMaxData:       1 << 20,
	InitialMaxStreamData: 1 << 19,
	InitialMaxStreams:    16,
	InitialMaxBulkData:   32 << 20,
	MaxAckDelay:          25 * time.Millisecond,
	MaxDatagram:          1500,
	BlockSize:            8192,
	RepairMemory:         8 << 20,
}

var allParameterBytes = []byte{
	0x01, 8, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, // original_destination_connection_id
	0x02, 8, 1, 2, 3, 4, 5, 6, 7, 8, // initial_source_connection_id
	0x03, 8, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, // retry_source_connection_id
	0x04, 16, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, // stateless_reset_token
	0x05, 4, 0x80, 0x01, 0xd4, 0xc0, // idle_timeout, ms
	0x06, 4, 0x80, 0x10, 0x00, 0x00, // initial_max_data
	0x07, 4, 0x80, 0x08, 0x00, 0x00, // initial_max_stream_data
	0x08, 1, 16, // initial_max_streams
	0x09, 4, 0x82, 0x00, 0x00, 0x00, // initial_max_bulk_data
	0x0b, 1, 25, // max_ack_delay, ms
	0x0c, 2, 0x45, 0xdc, // max_datagram
	0x0d, 2, 0x60, 0x00, // block_size
	0x0e, 4, 0x80, 0x80, 0x00, 0x00, // repair_memory
}

func TestParameters(t *testing.T) {
	if got := allParameters.Append(nil); !bytes.Equal(got, allParameterBytes) {
		t.Errorf("appended % x\n    want % x", got, allParameterBytes)
	}
	// An unknown parameter is ignored, even twice.
	unknown := []byte{0x40, 0x99, 2, 0, 0}
	for _, b := range [][]byte{
		allParameterBytes,
		append(bytes.Clone(unknown), append(bytes.Clone(allParameterBytes), unknown...)...),
	} {
		got, err := ParseParameters(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(allParameters, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestSmallestParameters(t *testing.T) {
	want := Parameters{InitialSource: clientID}
	b := want.Append(nil)
	if len(b) != 10+3 {
		t.Errorf("% x", b)
	}
	if got, err := ParseParameters(b); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	want.MaxAckDelay = 25 * time.Millisecond // absent
	if got, err := ParseParameters(b[:10]); err != nil || got != want {
		t.Errorf("without max_ack_delay: got %+v, %v", got, err)
	}
}

func TestParameterTruncations(t *testing.T) {
	ends := map[int]bool{} // where a parameter ends, and initial_source has come
	for at := 0; at < len(allParameterBytes); {
		at += 2 + int(allParameterBytes[at+1])
		ends[at] = at >= 20
	}
	for n := range len(allParameterBytes) {
		_, err := ParseParameters(allParameterBytes[:n])
		if ends[n] {
			if err != nil {
				t.Errorf("cut to %d bytes, after a parameter: %v", n, err)
			}
			continue
		}
		wantCode(t, err, CodeTransportParameter)
	}
}

func TestMalformedParameters(t *testing.T) {
	source := []byte{0x02, 8, 1, 2, 3, 4, 5, 6, 7, 8}
	with := func(b ...byte) []byte { return append(bytes.Clone(source), b...) }
	for _, tt := range []struct {
		name  string
		bytes []byte
		want  string
	}{
		{"nothing", nil, "initial_source_connection_id is missing"},
		{"no initial source", []byte{0x08, 1, 16}, "initial_source_connection_id is missing"},
		{"initial source twice", with(source...), "parameter 0x02 comes twice"},
		{"limit twice", with(0x08, 1, 16, 0x08, 1, 16), "parameter 0x08 comes twice"},
		{"connection ID too short", []byte{0x02, 7, 1, 2, 3, 4, 5, 6, 7}, "parameter 0x02 has the bad value"},
		{"connection ID too long", []byte{0x02, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9}, "parameter 0x02 has the bad value"},
		{"empty original destination", with(0x01, 0), "parameter 0x01 has the bad value"},
		{"empty retry source", with(0x03, 0), "parameter 0x03 has the bad value"},
		{"short reset token", with(0x04, 1, 1), "parameter 0x04 has the bad value"},
		{"empty limit", with(0x06, 0), "parameter 0x06 has the bad value"},
		{"limit of two varints", with(0x06, 2, 1, 1), "parameter 0x06 has the bad value"},
		{"half a varint", with(0x06, 1, 0x40), "parameter 0x06 has the bad value"},
		{"acknowledgement delay of 2^14+1 ms", with(0x0b, 4, 0x80, 0, 0x40, 1), "parameter 0x0b has the bad value"},
		{"huge acknowledgement delay", with(0x0b, 8, 255, 255, 255, 255, 255, 255, 255, 255), "parameter 0x0b has the bad value"},
		{"half a repair memory", with(0x0e, 1, 0x40), "parameter 0x0e has the bad value"},
		{"datagrams of 1231 bytes", with(0x0c, 2, 0x44, 0xcf), "parameter 0x0c has the bad value"},
		{"blocks of 1023 bytes", with(0x0d, 2, 0x43, 0xff), "parameter 0x0d has the bad value"},
		{"too many bytes", with(append([]byte{0x40, 0x99, 0x4f, 0xf2}, make([]byte, 4082+1)...)...), "4097 bytes of parameters"},
	} {
		p, err := ParseParameters(tt.bytes)
		wantCode(t, err, CodeTransportParameter)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.want)
		}
		if p != (Parameters{}) {
			t.Errorf("%s: parameters come with the error: %+v", tt.name, p)
		}
	}
}

func TestParametersAtTheLimit(t *testing.T) {
	source := []byte{0x02, 8, 1, 2, 3, 4, 5, 6, 7, 8}
	b := append(
		bytes.Clone(source),
		0x05, 8, 255, 255, 255, 255, 255, 255, 255, 255, // idle_timeout: too long for a Duration
		0x0b, 4, 0x80, 0, 0x40, 0, // max_ack_delay: 2^14
		0x0c, 2, 0x44, 0xd0, // max_datagram: 1232
	)
	p, err := ParseParameters(b)
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Duration(math.MaxInt64).Truncate(time.Millisecond); p.IdleTimeout != want {
		t.Errorf("idle timeout %v, want %v", p.IdleTimeout, want)
	}
	if p.MaxAckDelay != 16384*time.Millisecond || p.MaxDatagram != 1232 {
		t.Errorf("%+v", p)
	}
	longest := append(append(source, 0x40, 0x99, 0x4f, 0xf2), make([]byte, 4082)...)
	if _, err := ParseParameters(longest); err != nil || len(longest) != 4096 {
		t.Errorf("%d bytes: %v", len(longest), err)
	}
}

// FuzzParameters checks that what parses, appended again, parses to the same.
func FuzzParameters(f *testing.F) {
	f.Add(allParameterBytes)
	f.Add([]byte{0x02, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x40, 0x99, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseParameters(b)
		if err != nil {
			return
		}
		again, err := ParseParameters(p.Append(nil))
		if err != nil || again != p {
			t.Fatalf("%+v\nbecame %+v, %v", p, again, err)
		}
	})
}
