package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/adrg/xdg"

	"example.com/uft/internal/udp"
)

// checkFinding holds what is true of every finding.
func checkFinding(t *testing.T, f Finding) {
	t.Helper()
	if f.Check == "" || len(f.Check) > MaxCheckName || f.Text == "" {
		t.Errorf("a finding without a name or text that fits: %+v", f)
	}
	if (f.Verdict == Fix) != (f.Fix != "") {
		t.Errorf("verdict and fix do not go together: %+v", f)
	}
	if f.Keep != "" && f.Fix == "" {
		t.Errorf("something to keep, and nothing to do now: %+v", f)
	}
}

// TestRun examines this machine. Every check has its say, and is told when it
// is reported.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state"))
	xdg.Reload()
	t.Cleanup(xdg.Reload)
	var told []Finding
	report := Run(t.Context(), Options{Dir: dir},
		func(f Finding) { told = append(told, f) })
	if len(told) != len(report.Findings) {
		t.Errorf("%d findings were told, %d reported", len(told), len(report.Findings))
	}
	names := map[string]bool{}
	for _, f := range report.Findings {
		checkFinding(t, f)
		names[f.Check] = true
	}
	for _, want := range []string{"receive buffer", "send buffer", "loopback", "IPv6", "encryption", "hash", "disk", "state folder", "server key", "known servers"} {
		if !names[want] {
			t.Errorf("nothing about %s", want)
		}
	}
	if report.Silent || report.IdentityChanged {
		t.Error("there is an answer about a host that nobody asked for")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind in the folder: %v %v", left, err)
	}
}

// TestRunInterrupted: what was interrupted reports nothing and leaves nothing.
func TestRunInterrupted(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	report := Run(ctx, Options{Dir: dir}, func(Finding) { cancel() })
	if len(report.Findings) != 1 {
		t.Errorf("%d findings after the first was interrupted", len(report.Findings))
	}
	checkDisk(ctx, Options{Dir: dir})
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind in the folder: %v %v", left, err)
	}
}

// TestBuffersAreThoseOfTransfers compares with the sockets of internal/udp.
func TestBuffersAreThoseOfTransfers(t *testing.T) {
	conn, err := udp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	measured, err := measureBuffers()
	if err != nil || len(measured) != 2 || !measured[0].receive || measured[1].receive {
		t.Fatalf("measured %+v: %v", measured, err)
	}
	if size := conn.ReceiveBuffer(); size != 0 && size != measured[0].granted {
		t.Errorf("a transfer is granted %d bytes, the doctor %d", size, measured[0].granted)
	}
}

func TestWeighBuffers(t *testing.T) {
	for _, test := range []struct {
		name   string
		buffer socketBuffer
		want   Verdict
		text   string
	}{
		{"granted", socketBuffer{receive: true, granted: askedBuffer, limit: 1 << 30}, OK, "8.0 MiB granted of 8.0 MiB asked"},
		{"small", socketBuffer{receive: true, granted: 212992, limit: 212992}, Fix, "208.0 KiB granted of 8.0 MiB asked"},
		{"small for sending", socketBuffer{granted: 212992}, Fix, "208.0 KiB granted of 8.0 MiB asked"},
	} {
		f := test.buffer.finding()
		if setting, _ := bufferSetting(true); setting == "" && test.want == Fix {
			test.want = Note // a system without the setting
		}
		checkFinding(t, f)
		if f.Verdict != test.want || f.Text != test.text {
			t.Errorf("%s: %s %q, want %s %q", test.name, f.Verdict, f.Text, test.want, test.text)
		}
	}
	if runtime.GOOS != "linux" {
		return
	}
	forced := socketBuffer{receive: true, granted: askedBuffer, forced: true, limit: 212992}.finding()
	if want := "8.0 MiB granted of 8.0 MiB asked, forced past net.core.rmem_max"; forced.Text != want || forced.Verdict != OK {
		t.Errorf("forced: %s %q", forced.Verdict, forced.Text)
	}
	small := socketBuffer{granted: 1}.finding()
	if small.Fix != "sudo sysctl -w net.core.wmem_max=8388608" ||
		small.Keep != "echo net.core.wmem_max=8388608 | sudo tee -a /etc/sysctl.d/90-uft.conf" {
		t.Errorf("fix %q, keep %q", small.Fix, small.Keep)
	}
}

// TestBufferAdvice: one line, only where datagrams were dropped for want of
// room.
func TestBufferAdvice(t *testing.T) {
	for _, test := range []struct {
		size  int
		drops uint64
		want  bool
	}{
		{212992, 0, false}, {212992, 7, true}, {1<<20 - 1, 1, true}, {1 << 20, 1, false}, {8 << 20, 99, false}, {0, 99, false},
	} {
		got := BufferAdvice(test.size, test.drops)
		if setting, _ := bufferSetting(true); setting == "" {
			test.want = false
		}
		if (got != "") != test.want || strings.Contains(got, "\n") {
			t.Errorf("%d bytes, %d drops: %q", test.size, test.drops, got)
		}
	}
	if runtime.GOOS == "linux" {
		const want = "this machine dropped 7 datagrams: its receive buffer has only 208.0 KiB; " +
			"sudo sysctl -w net.core.rmem_max=8388608 mends it, uft doctor shows more"
		if got := BufferAdvice(212992, 7); got != want {
			t.Errorf("advice %q", got)
		}
	}
}

func TestWeighOffload(t *testing.T) {
	for _, test := range []struct {
		name   string
		trial  trial
		joined bool
		want   Verdict
		text   string
	}{
		{"out", trial{sent: 488, sendCalls: 8, arrived: 488, calls: 488}, false, OK, "works: 488 datagrams left in 8 system calls, all came whole"},
		{"in", trial{sent: 488, sendCalls: 8, arrived: 488, calls: 8}, true, OK, "works: 488 datagrams came in 8 system calls, over loopback"},
		{"in without effect", trial{sent: 488, sendCalls: 8, arrived: 488, calls: 488}, true, Fix, "without effect: 488 datagrams came in 488 system calls"},
		{"lost", trial{sent: 61, sendCalls: 1, arrived: 60, calls: 60}, false, Fix, "broken: only 60 of 61 datagrams came over loopback"},
		{"damaged", trial{sent: 61, sendCalls: 1, arrived: 60, damaged: 1, calls: 61}, false, Fix, "broken: 1 of 61 datagrams came in a wrong size or with wrong contents"},
		{"refused", trial{err: errors.New("protocol not available")}, true, Fix, "refused: protocol not available; every datagram takes a system call of its own"},
	} {
		f := test.trial.outcome(test.joined, "5.0")
		checkFinding(t, f)
		if f.Verdict != test.want || f.Text != test.text {
			t.Errorf("%s: %s %q, want %s %q", test.name, f.Verdict, f.Text, test.want, test.text)
		}
	}
}

// TestLoopback: datagrams come, and the end of the time ends it.
func TestLoopback(t *testing.T) {
	// A busy machine may give none of the time to the reader: then more of it.
	for limit := 20 * time.Millisecond; ; limit *= 4 {
		datagrams, elapsed, err := runLoopback(t.Context(), limit)
		if err != nil || elapsed <= 0 || datagrams == 0 && limit > 10*time.Second {
			t.Errorf("%d datagrams in %v: %v", datagrams, elapsed, err)
		}
		if err != nil || datagrams > 0 || t.Failed() {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := runLoopback(ctx, time.Hour); err != nil {
		t.Errorf("interrupted: %v", err)
	}
}

func TestCiphers(t *testing.T) {
	if rate, err := sealRate(tls.TLS_AES_128_GCM_SHA256); err != nil || rate <= 0 {
		t.Errorf("sealed %v bytes a second: %v", rate, err)
	}
	if _, err := sealRate(0); err == nil {
		t.Error("a suite that there is not was measured")
	}
	f := weighCiphers(true, 3.84e9, 1.8e9)
	if f.Verdict != OK || f.Text != "AES-128-GCM 3.8 GB/s in hardware, preferred; ChaCha20-Poly1305 1.8 GB/s" {
		t.Errorf("in hardware: %+v", f)
	}
	f = weighCiphers(false, 0.2e9, 1.8e9)
	if f.Verdict != Note || f.Text != "no AES in hardware: ChaCha20-Poly1305 1.8 GB/s, preferred; AES-128-GCM 0.2 GB/s" {
		t.Errorf("in software: %+v", f)
	}
}

func TestClock(t *testing.T) {
	if found := weighClock(30*time.Nanosecond, 40*time.Nanosecond); found != nil {
		t.Errorf("a good clock is worth a word: %+v", found)
	}
	for _, found := range [][]Finding{weighClock(15*time.Millisecond, 0), weighClock(time.Nanosecond, 5*time.Microsecond)} {
		if len(found) != 1 {
			t.Fatal("a bad clock is not worth a word")
		}
		checkFinding(t, found[0])
	}
}

func TestLimits(t *testing.T) {
	for limit, want := range map[uint64]Verdict{256: Fix, 4095: Fix, 4096: OK, 1 << 63: OK} {
		f := weighDescriptors(limit)
		checkFinding(t, f)
		if f.Verdict != want {
			t.Errorf("%d open files: %s", limit, f.Verdict)
		}
	}
	for available, want := range map[int64]Verdict{0: Fix, 128<<20 - 1: Fix, 128 << 20: OK} {
		f := weighMemory(available)
		checkFinding(t, f)
		if f.Verdict != want {
			t.Errorf("%d bytes of memory: %s", available, f.Verdict)
		}
	}
	for _, test := range []struct {
		text  string
		want  int64
		known bool
	}{
		{"MemTotal: 9 kB\nMemAvailable:   12 kB\n", 12 << 10, true},
		{"MemTotal: 9 kB\n", 0, false},
		{"MemAvailable:\n", 0, false},
		{"MemAvailable: -3 kB\n", 0, false},
	} {
		got, known := parseMemory([]byte(test.text))
		if known != test.known || known && got != test.want {
			t.Errorf("%q: %d %v", test.text, got, known)
		}
	}
}

func TestDisk(t *testing.T) {
	dir := t.TempDir()
	f := checkDiskSpeed(t.Context(), dir, -1)
	checkFinding(t, f)
	if f.Verdict != OK || f.Values["write_bytes_per_second"].(int64) <= 0 || f.Values["read_bytes_per_second"].(int64) <= 0 {
		t.Errorf("the disk: %+v", f)
	}
	missing := checkDiskSpeed(t.Context(), filepath.Join(dir, "missing"), -1)
	checkFinding(t, missing)
	if missing.Verdict != Fix || !strings.HasPrefix(missing.Text, "nothing can be written there: ") {
		t.Errorf("no folder: %+v", missing)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	for _, test := range []struct {
		free, total uint64
		want        Verdict
	}{{49, 1000, Fix}, {50, 1000, OK}, {1000, 1000, OK}} {
		f := weighSpace(dir, test.free, test.total)
		checkFinding(t, f)
		if f.Verdict != test.want {
			t.Errorf("%d free of %d: %s", test.free, test.total, f.Verdict)
		}
	}
}

// failing is a file on a disk that breaks.
type failing struct{ room int64 }

var errDisk = errors.New("the disk is broken")

func (f *failing) Write(p []byte) (int, error) {
	if f.room < int64(len(p)) {
		return 0, errDisk
	}
	f.room -= int64(len(p))
	return len(p), nil
}

func (f *failing) ReadAt([]byte, int64) (int, error) { return 0, errDisk }

// TestDiskBreaks is in a bubble, whose clock stands still while something is
// done: a busy machine would else use up the time of a measurement.
func TestDiskBreaks(t *testing.T) { synctest.Test(t, diskBreaks) }

func diskBreaks(t *testing.T) {
	written, _, err := timeWriting(t.Context(), &failing{room: diskPiece}, 4*diskPiece)
	if !errors.Is(err, errDisk) || written != diskPiece {
		t.Errorf("wrote %d: %v", written, err)
	}
	if _, _, err := timeReading(t.Context(), &failing{}); !errors.Is(err, errDisk) {
		t.Errorf("reading: %v", err)
	}
	if read, _, err := timeReading(t.Context(), bytes.NewReader(make([]byte, diskPiece+1))); err != nil || read != diskPiece+1 {
		t.Errorf("read %d: %v", read, err)
	}
}

func TestInterfaces(t *testing.T) {
	for _, test := range []struct {
		name    string
		adapter adapter
		want    Verdict
		text    string
		fix     string
	}{
		{"plain", adapter{name: "en0", mtu: 1500}, OK, "en0: MTU 1500", ""},
		{
			"all on",
			adapter{"eth0", 1500, []feature{{"segmentation", "gso", true}, {"joining", "gro", true}}, true},
			OK, "eth0: MTU 1500, segmentation on, joining on", "",
		},
		{
			"nothing joined",
			adapter{"eth0", 1500, []feature{{"segmentation", "gso", false}, {"joining", "gro", false}}, true},
			Fix, "eth0: MTU 1500, segmentation off, joining off", "sudo ethtool -K eth0 gro on",
		},
		{
			"of a container",
			adapter{"eth0", 1500, []feature{{"joining", "gro", false}}, false},
			OK, "eth0: MTU 1500, joining off", "",
		},
		{
			"narrow",
			adapter{name: "tun0", mtu: 576},
			Fix, "tun0: MTU 576; below 1280 nothing gets through", "sudo ip link set dev tun0 mtu 1280",
		},
	} {
		f := test.adapter.finding()
		checkFinding(t, f)
		if f.Verdict != test.want || f.Text != test.text || f.Fix != test.fix {
			t.Errorf("%s: %s %q %q", test.name, f.Verdict, f.Text, f.Fix)
		}
	}
	if none, here, both := weighIPv6(false, false), weighIPv6(true, false), weighIPv6(true, true); none.Verdict != Note ||
		here.Verdict != Note || both.Verdict != OK || none.Text == here.Text {
		t.Errorf("IPv6: %v %v %v", none, here, both)
	}
}

func TestShellWord(t *testing.T) {
	for word, want := range map[string]string{
		"/srv/files": "/srv/files", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$HOME": "'$HOME'", "x;rm": "'x;rm'",
	} {
		if got := shellWord(word); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", word, got, want)
		}
	}
}
