package uft

import (
	"strings"
	"testing"
	"time"

	"example.com/uft/internal/trace"
	"example.com/uft/transfer"
	"example.com/uft/transport"
)

// TestSummaryNamesALimitWhereThatHelps: not for a moment, not where nothing
// stands out, and not what this side cannot know.
func TestSummaryNamesALimitWhereThatHelps(t *testing.T) {
	for _, test := range []struct {
		limit   transfer.Limit
		elapsed time.Duration
		want    string
	}{
		{transfer.Limit{By: transport.LimitPath, Share: 0.9, Path: 93_000_000}, time.Minute, "the path (93.0 Mbit/s)"},
		{transfer.Limit{By: transport.LimitPath, Share: 0.9}, time.Minute, "the path"},
		{transfer.Limit{By: transport.LimitPath, Share: 0.4}, time.Minute, ""},
		{transfer.Limit{By: transport.LimitPeerDisk, Share: 0.9}, time.Minute, "the receiver's disk"},
		{transfer.Limit{By: transport.LimitPeerDisk, Share: 0.9}, 99 * time.Millisecond, ""},
		{transfer.Limit{By: transfer.LimitLoss, Share: 0.9}, time.Minute, "the loss on the path"},
		{transfer.Limit{By: transport.LimitPeer, Share: 1}, time.Minute, ""},
		{transfer.Limit{By: transport.LimitShort, Share: 1}, time.Minute, ""},
	} {
		if got := limitPhrase(&transfer.Result{Elapsed: test.elapsed, Limit: test.limit}); got != test.want {
			t.Errorf("%+v after %v: %q, want %q", test.limit, test.elapsed, got, test.want)
		}
	}
}

// TestEveryLimitHasAPhrase: a name that was forgotten would be an empty word.
func TestEveryLimitHasAPhrase(t *testing.T) {
	var times transport.LimitTimes
	for i := range times {
		times[i] = time.Second
	}
	for _, s := range times.Shares() {
		if phrases[s.Limit] == "" {
			t.Errorf("no phrase for %q", s.Limit)
		}
	}
	details := limitDetails(&transfer.Limit{By: transport.LimitPath, Shares: times.Shares()})
	if !strings.HasPrefix(details, "limited by the path; time went to: 9.1 % round trips until the rate was found, 9.1 % the path, ") {
		t.Errorf("details %q", details)
	}
}

// TestMarksThatFollowCloselyAreOne: forty probe timeouts in a blackout would be a
// black block.
func TestMarksThatFollowCloselyAreOne(t *testing.T) {
	var s story
	tell := func(at time.Duration, name string, data map[string]any) {
		if err := s.tell(trace.Record{At: at, Name: name, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	tell(time.Second, metricsEvent, nil)
	for i := range 40 {
		tell(time.Duration(2000+10*i)*time.Millisecond, "recovery:probe_timeout", nil)
	}
	tell(3*time.Second, "recovery:congestion_state_updated", map[string]any{"old": "startup", "new": "drain"})
	tell(4*time.Second, "recovery:congestion_state_updated", map[string]any{"old": "drain", "new": "cruise"})
	tell(9*time.Second, "recovery:probe_timeout", nil)
	tell(11*time.Second, metricsEvent, nil)
	var got []string
	for _, m := range s.chapters[0].drawnMarks(time.Second) {
		got = append(got, m.At.String()+" "+m.Name)
	}
	if want := "1s probe timeout ×40, 2s rate found, 8s probe timeout"; strings.Join(got, ", ") != want {
		t.Errorf("marks %q, want %s", got, want)
	}
}

// TestTheBusiestConnectionIsDrawn of a server's trace, unless another is asked
// for.
func TestTheBusiestConnectionIsDrawn(t *testing.T) {
	var s story
	for i, group := range []string{"aa00", "bb11", "cc22"} {
		for j := range 3 {
			_ = s.tell(trace.Record{
				At: time.Duration(j) * time.Second, Name: metricsEvent, Group: group,
				Data: map[string]any{"bytes_sent": float64(j * (5 - (i-1)*(i-1)) * 1e6), "data_acked": float64(j)},
			})
		}
	}
	for wanted, want := range map[string]string{
		"": "t (connection bb11, one of 3)", "cc": "t", "dd": "",
	} {
		f, err := s.figure(trace.Header{Title: "t"}, wanted)
		if f.Title != want || (err == nil) != (want != "") {
			t.Errorf("%q: title %q, error %v, want %q", wanted, f.Title, err, want)
		}
	}
}
