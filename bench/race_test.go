package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The ideals of the table are those that were published with it.
func TestCoursesOfTheTable(t *testing.T) {
	o, err := parseRaceOptions(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		name  string
		ideal string
		queue int
	}{
		{"100 Mbit/s, 100 ms, 1 %, 32 MiB", "3.1", 1_250_000},
		{"100 Mbit/s, 200 ms, 5 %, 16 MiB", "1.9", 2_500_000},
		{"50 Mbit/s, 600 ms, 2 %, 16 MiB", "4.1", 3_750_000},
		{"20 Mbit/s, 50 ms, 20 %, 4 MiB", "2.3", 125_000},
		{"1 Gbit/s, 20 ms, 0.1 %, 256 MiB", "2.3", 2_500_000},
		{"100 Mbit/s, 50 ms ± 10 ms jitter, 0.1 %, 32 MiB", "3.0", 625_000},
	}
	if len(o.courses) != len(want) {
		t.Fatalf("there are %d links, want %d", len(o.courses), len(want))
	}
	for i, w := range want {
		c := o.courses[i]
		ideal := fmt.Sprintf("%.1f", c.ideal(false).Seconds())
		if c.name != w.name || ideal != w.ideal || c.up.QueueBytes != w.queue || c.down.QueueBytes != w.queue {
			t.Errorf("link %d is %q, ideal %s s, queues %d and %d, want %+v", i, c.name, ideal, c.up.QueueBytes, c.down.QueueBytes, w)
		}
	}
	if o.size != 256<<20 || o.limit != 45*time.Second || o.rounds != 5 {
		t.Errorf("size %d, limit %v, rounds %d", o.size, o.limit, o.rounds)
	}
}

func TestParseCourse(t *testing.T) {
	c, err := parseCourse("rate=10M delay=20ms loss=1% down.rate=1M down.queue=50ms", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if c.up.QueueBytes != 50_000 || c.down.QueueBytes != 0 || c.down.QueueDelay != 50*time.Millisecond {
		t.Errorf("the queues are %d bytes, and %d bytes or %v", c.up.QueueBytes, c.down.QueueBytes, c.down.QueueDelay)
	}
	if up, down := c.ideal(false), c.ideal(true); down < 9*up {
		t.Errorf("the ideals are %v and, by a tenth of the rate, %v", up, down)
	}
	if !strings.Contains(c.name, "back: 1 Mbit/s") {
		t.Errorf("the name %q hides that the way back is slower", c.name)
	}
	if c, err = parseCourse("rate=1M", 1<<20); err != nil || c.up.QueueBytes != leastQueue {
		t.Errorf("without delay the queue is %d bytes, %v, want %d", c.up.QueueBytes, err, leastQueue)
	}
	for _, words := range []string{"", "delay=10ms", "up.rate=1M", "rate=1M speed=2", "rate"} {
		if c, err := parseCourse(words, 1); err == nil {
			t.Errorf("parseCourse(%q) = %+v, want an error", words, c)
		}
	}
}

func TestRaceOptions(t *testing.T) {
	o, err := parseRaceOptions([]string{"--spec", "rate=5M delay=5ms", "--size", "1M", "--peers", "scp,uft known", "--directions", "tr"})
	if err != nil || len(o.courses) != 1 || o.size != 1<<20 {
		t.Fatalf("%+v, %v", o, err)
	}
	o, err = parseRaceOptions([]string{"--link", "600 ms|jitter"})
	if err != nil || len(o.courses) != 2 {
		t.Errorf("--link chooses %d links, %v, want 2", len(o.courses), err)
	}
	for _, args := range [][]string{
		{"--link", "("},
		{"--link", "none such"},
		{"--spec", "delay=1ms"},
		{"--peers", "ftp"},
		{"--directions", "x"},
		{"--directions", ""},
		{"--give-up", "0s"},
		{"--rounds", "0"},
		{"more"},
	} {
		if _, err := parseRaceOptions(args); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

func TestChooseEntrants(t *testing.T) {
	names := func(peers []string, directions string) string {
		return strings.Join(entrantNames(chooseEntrants(&rig{}, peers, directions)), " ")
	}
	if got, want := names([]string{"uft", "quic-go"}, "t"), "uft uft known uft -b quic-go"; got != want {
		t.Errorf("chosen are %q, want %q", got, want)
	}
	if got, want := names([]string{"uft"}, "r"), "uft -r uft -r known uft -r -b"; got != want {
		t.Errorf("chosen are %q, want %q", got, want)
	}
}

// A round without an end counts as endless: two in five do no harm to the
// median, three make it one.
func TestMedianWithFailures(t *testing.T) {
	s := &standing{failures: []string{"x", errTooSlow.Error()}}
	for _, seconds := range []int{3, 1, 2} {
		s.results = append(s.results, result{elapsed: time.Duration(seconds) * time.Second})
	}
	if got := s.seconds(); got != 3 {
		t.Errorf("the median is %v s, want 3", got)
	}
	s.failures = append(s.failures, "y")
	if got := s.seconds(); !math.IsInf(got, 1) {
		t.Errorf("the median is %v s, want none", got)
	}
	if got := (&standing{}).seconds(); !math.IsInf(got, 1) {
		t.Errorf("the median of nothing is %v s", got)
	}
}

func TestHopeless(t *testing.T) {
	failed := []string{"gave up", "gave up"}
	for _, c := range []struct {
		about string
		s     standing
		want  bool
	}{
		{"one failure", standing{failures: failed[:1]}, false},
		{"two failures", standing{failures: failed}, true},
		{"two failures and a result", standing{failures: failed, results: make([]result, 1)}, false},
		{"uft", standing{failures: failed, entrant: entrant{subject: subject{role: ours}}}, false},
	} {
		if got := c.s.hopeless(); got != c.want {
			t.Errorf("%s: hopeless is %v", c.about, got)
		}
	}
}

func TestScoreRow(t *testing.T) {
	at := func(name string, role role, seconds ...time.Duration) *standing {
		s := &standing{entrant: entrant{column: name, subject: subject{name: name, role: role}}}
		for _, d := range seconds {
			s.results = append(s.results, result{elapsed: d * time.Second})
		}
		return s
	}
	c, err := parseCourse("rate=8M", 1<<20) // 1.12 s
	if err != nil {
		t.Fatal(err)
	}
	slow := at("slow", plainPeer)
	slow.failures = []string{fmt.Sprintf("%v after 45s", errTooSlow)}
	broken := at("broken", plainPeer)
	broken.failures = []string{"failed: no"}
	h := heat{course: c, standings: []*standing{at("uft", ours, 2), at("uft -b", ours, 1), slow, broken, at("fast", encryptedPeer, 5, 3, 4)}}
	if got, want := strings.Join(h.scoreRow(), "|"), c.name+"|0.56|1.12|gave up|failed|0.28|fast|2.00 ×"; got != want {
		t.Errorf("the row is\n%s, want\n%s", got, want)
	}
	if got, want := strings.Join(h.secondsRow(), "|"), c.name+"|1.1|2.0|1.0|gave up|failed|4.0"; got != want {
		t.Errorf("the row is\n%s, want\n%s", got, want)
	}
	for _, row := range h.details() {
		if len(row) != len(standingColumns) {
			t.Errorf("the row %q does not fit the columns %q", row, standingColumns)
		}
	}
	doc := &report{r: &rig{}}
	doc.race([]*heat{&h})
	if len(doc.failed) != 0 {
		t.Errorf("peers count as failures: %q", doc.failed)
	}
	h.standings[0].failures = []string{"gave up"}
	doc.race([]*heat{&h})
	if len(doc.failed) != 1 {
		t.Errorf("failures are %q, want that of uft", doc.failed)
	}
}

// The sum of all words of a message with its checksum is all ones (RFC 1071).
func TestEchoRequestChecksum(t *testing.T) {
	p := echoRequest(7)
	var sum uint32
	for at := 0; at < len(p); at += 2 {
		sum += uint32(binary.BigEndian.Uint16(p[at:]))
	}
	for sum>>16 > 0 {
		sum = sum>>16 + sum&0xffff
	}
	if sum != 0xffff {
		t.Errorf("the sum is %#x", sum)
	}
}

// What overtakes at the ends of the time is not lost.
func TestMissingShare(t *testing.T) {
	var numbers []uint64
	for i := range uint64(1000) {
		if i%10 != 5 && i != 3 && i != 998 {
			numbers = append(numbers, 7000+i)
		}
	}
	if got := missingShare(numbers); got < 0.0985 || got > 0.1015 {
		t.Errorf("%v of them are missing, want a tenth", got)
	}
	if got := missingShare(nil); got != 1 {
		t.Errorf("of nothing %v is missing, want all", got)
	}
	if got := missingShare([]uint64{4}); got != 0 {
		t.Errorf("of one %v is missing, want none", got)
	}
}

// TestOpenCourse makes an emulated link, sends over it, and looks that nothing
// is left behind.
func TestOpenCourse(t *testing.T) {
	if missing := raceNeeds(); missing != "" {
		t.Skip(missing)
	}
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r := &rig{state: dir, medium: filepath.Join(dir, "medium")}
	build := exec.Command("go", "build", "-o", r.medium, "./cmd/medium")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=") // those may be for this module
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c, err := parseCourse("rate=10M delay=20ms", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	n, medium, err := c.open(context.Background(), r, "reno", 1)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := c.open(context.Background(), r, "", 1)
	if err == nil {
		again.remove()
		t.Error("a second network took the names of the first")
	}
	client, err := start(r, n.client, "ip", "route", "get", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.wait(context.Background())
	if err != nil || !strings.Contains(client.output.String(), courseDevice) {
		t.Errorf("the way to the server is %q, %v", client.output.String(), err)
	}
	n.remove()
	closeMedium(medium)
	for _, end := range []string{n.client[3], n.server[3]} {
		if _, err := os.Stat("/run/netns/" + end); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the namespace %s is left behind: %v", end, err)
		}
	}
	if !strings.Contains(medium.output.String(), "delivered") {
		t.Errorf("medium did not say what it did: %s", medium.output.tail())
	}
}
