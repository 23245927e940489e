package identity

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/adrg/xdg"
)

// fingerprintOf returns the fingerprint of a key made from one byte.
func fingerprintOf(b byte) string {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = b
	return Fingerprint(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
}

func TestFingerprintVector(t *testing.T) {
	// The public key of RFC 8032 §7.1, test 1; the fingerprint was computed with
	// openssl as the comment of Fingerprint says.
	seed := []byte{
		0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
		0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
	}
	const want = "SHA256:BuP9j9opu2CrWVV95h7bCuzbIxE0vjDnW0Vfjht5L6k"
	got := Fingerprint(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
	if got != want {
		t.Errorf("fingerprint %s, want %s", got, want)
	}
	if back, err := ParseFingerprint(got); err != nil || back != got {
		t.Errorf("ParseFingerprint = %q, %v", back, err)
	}
	if got := Fingerprint(nil); got != "" {
		t.Errorf("the fingerprint of no key is %q, want none", got)
	}
}

func TestParseFingerprint(t *testing.T) {
	good := fingerprintOf(1)
	for _, s := range []string{good, " " + good + "\n", good + "="} {
		if got, err := ParseFingerprint(s); err != nil || got != good {
			t.Errorf("%q: %q, %v; want %q", s, got, err, good)
		}
	}
	digits := strings.TrimPrefix(good, "SHA256:")
	for _, s := range []string{
		"", "SHA256:", digits, "sha256:" + digits, "MD5:" + digits, good[:len(good)-1], good + "A",
		good[:len(good)-1] + "_", good[:20] + "\n" + good[21:],
		"SHA256:" + strings.Repeat("A", 42) + "B", // bits set beyond the last byte
	} {
		if got, err := ParseFingerprint(s); err == nil {
			t.Errorf("%q was read as %q", s, got)
		}
	}
}

func TestHostPort(t *testing.T) {
	tests := []struct {
		host string
		want string
	}{
		{"example.org", "[example.org]:5855"},
		{"Example.ORG.", "[example.org]:5855"},
		{"192.0.2.1", "[192.0.2.1]:5855"},
		{"::ffff:192.0.2.1", "[192.0.2.1]:5855"},
		{"::1", "[::1]:5855"},
		{"[::1]", "[::1]:5855"},
		{"2001:DB8:0:0::1", "[2001:db8::1]:5855"},
		{"fe80::1%Eth0", "[fe80::1%Eth0]:5855"},
	}
	for _, test := range tests {
		got := HostPort(test.host, 5855)
		if got != test.want {
			t.Errorf("HostPort(%q) = %q, want %q", test.host, got, test.want)
		}
		if again, err := canonical(got); err != nil || again != got {
			t.Errorf("canonical(%q) = %q, %v", got, again, err)
		}
	}
	for _, bad := range []string{"", "host", "host:", "host:0", "host:65536", ":5855", "::1", "a b:1", "[#a]:1"} {
		if got, err := canonical(bad); err == nil {
			t.Errorf("canonical(%q) = %q", bad, got)
		}
	}
}

func TestKnownHostsScript(t *testing.T) {
	path := filepath.Join(t.TempDir(), "uft", "known_hosts")
	hosts := NewKnownHosts(path)
	one, two := fingerprintOf(1), fingerprintOf(2)

	wantStatus(t, hosts, "example.org:5855", one, New)
	if err := hosts.Add("Example.org:5855", one); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" {
		wantMode(t, path, 0o600)
		wantMode(t, filepath.Dir(path), 0o700)
	}
	wantStatus(t, hosts, "example.org:5855", one, Match)
	wantStatus(t, hosts, "EXAMPLE.org.:5855", one, Match)
	wantStatus(t, hosts, "example.org:5856", one, New)
	wantStatus(t, hosts, "example.com:5855", one, New)

	result, err := hosts.Check("example.org:5855", two)
	if err != nil || result.Status != Changed {
		t.Fatalf("Check = %+v, %v; want Changed", result, err)
	}
	want := ChangedError{Host: "[example.org]:5855", Old: one, Presented: two, Path: path, Line: 1}
	if *result.Change != want {
		t.Errorf("change %+v, want %+v", *result.Change, want)
	}
	for _, part := range []string{one, two, path, "line 1"} {
		if !strings.Contains(result.Change.Error(), part) {
			t.Errorf("%q does not name %q", result.Change.Error(), part)
		}
	}

	// A second line announces a new key; both are accepted.
	if err := hosts.Add("example.org:5855", two); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, hosts, "example.org:5855", one, Match)
	wantStatus(t, hosts, "example.org:5855", two, Match)
	if got, ok, err := hosts.Lookup("example.org:5855"); got != two || !ok || err != nil {
		t.Errorf("Lookup = %q, %v, %v; want the last line", got, ok, err)
	}
	if got, ok, err := hosts.Lookup("example.net:5855"); got != "" || ok || err != nil {
		t.Errorf("Lookup of an unknown host = %q, %v, %v", got, ok, err)
	}
}

func TestExpect(t *testing.T) {
	one, two := fingerprintOf(1), fingerprintOf(2)
	if err := Expect("example.org:5855", one, one); err != nil {
		t.Error(err)
	}
	var changed *ChangedError
	err := Expect("Example.org:5855", one, two)
	if !errors.As(err, &changed) || *changed != (ChangedError{Host: "[example.org]:5855", Old: one, Presented: two}) {
		t.Fatalf("error %#v", err)
	}
	if !strings.Contains(err.Error(), "asked for was "+one) || !strings.Contains(err.Error(), "presented was "+two) {
		t.Errorf("%q does not name both fingerprints", err)
	}
}

func TestKnownHostsEditedByHand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "known_hosts")
	one := fingerprintOf(1)
	text := "# my servers\n\n  [EXAMPLE.org]:5855\t" + one + "\r\nexample.net:1 " + one // no line break at the end
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	hosts := NewKnownHosts(path)
	wantStatus(t, hosts, "example.org:5855", one, Match)
	wantStatus(t, hosts, "example.net:1", one, Match)
	if err := hosts.Add("::1:5855", one); err == nil {
		t.Error("an ambiguous host was added")
	}
	if err := hosts.Add("[::1]:5855", one); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, hosts, "example.net:1", one, Match)
	wantStatus(t, hosts, "[0::1]:5855", one, Match)
}

func TestKnownHostsMalformed(t *testing.T) {
	one := fingerprintOf(1)
	for _, line := range []string{
		"example.org:5855",
		"example.org " + one,
		"[example.org]:5855 SHA256:short",
		"[example.org]:5855 " + one + " more",
		strings.Repeat("x", 70<<10),
	} {
		path := filepath.Join(t.TempDir(), "known_hosts")
		if err := os.WriteFile(path, []byte("# first\n"+line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := NewKnownHosts(path).Check("example.org:5855", one)
		if err == nil || !strings.Contains(err.Error(), path+":2: ") {
			t.Errorf("%.40q: error %v, want one that names line 2", line, err)
		}
	}
}

func TestKnownHostsBadArguments(t *testing.T) {
	hosts := NewKnownHosts(filepath.Join(t.TempDir(), "known_hosts"))
	if err := hosts.Add("example.org:1", "SHA256:x"); err == nil {
		t.Error("a bad fingerprint was added")
	}
	if err := hosts.Add("a b:1", fingerprintOf(1)); err == nil {
		t.Error("a host with a space was added")
	}
	if _, err := hosts.Check("nowhere", fingerprintOf(1)); err == nil {
		t.Error("a host without a port was checked")
	}
	if _, err := os.Stat(hosts.path); err == nil {
		t.Error("a refused line left a file")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := NewKnownHosts(filepath.Join(file, "known_hosts")).Add("example.org:1", fingerprintOf(1))
	if !errors.Is(err, ErrNotStored) {
		t.Errorf("error %v does not wrap ErrNotStored", err)
	}
}

func TestKnownHostsAddedTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "known_hosts")
	var wg sync.WaitGroup
	const clients = 32
	for i := range clients {
		wg.Go(func() {
			if err := NewKnownHosts(path).Add(HostPort("example.org", uint16(i+1)), fingerprintOf(byte(i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range clients {
		wantStatus(t, NewKnownHosts(path), HostPort("example.org", uint16(i+1)), fingerprintOf(byte(i)), Match)
	}
}

func TestStatePath(t *testing.T) {
	old := xdg.StateHome
	t.Cleanup(func() { xdg.StateHome = old })
	xdg.StateHome = t.TempDir()
	key, err := KeyPath()
	if err != nil || key != filepath.Join(xdg.StateHome, "uft", "identity.key") {
		t.Errorf("KeyPath = %q, %v", key, err)
	}
	hosts, err := KnownHostsPath()
	if err != nil || hosts != filepath.Join(xdg.StateHome, "uft", "known_hosts") {
		t.Errorf("KnownHostsPath = %q, %v", hosts, err)
	}
	xdg.StateHome = filepath.Join(".local", "state") // what is left without a home folder
	if path, err := KeyPath(); !errors.Is(err, ErrNotStored) {
		t.Errorf("KeyPath = %q, %v; want ErrNotStored", path, err)
	}
}

// wantStatus fails the test unless Check answers with this status.
func wantStatus(t *testing.T, hosts *KnownHosts, hostport, fingerprint string, want Status) {
	t.Helper()
	result, err := hosts.Check(hostport, fingerprint)
	if err != nil || result.Status != want {
		t.Errorf("Check(%s) = %v, %v; want status %v", hostport, result.Status, err, want)
	}
}

func FuzzParsePins(f *testing.F) {
	f.Add("# comment\n[example.org]:5855 " + fingerprintOf(1) + "\n")
	f.Add("[::1]:1 x\n")
	f.Fuzz(func(t *testing.T, text string) {
		pins, err := parsePins(strings.NewReader(text), "[example.org]:5855")
		if err != nil {
			return
		}
		for _, p := range pins {
			if again, err := parsePin(p.host + " " + p.fingerprint); err != nil || again.fingerprint != p.fingerprint {
				t.Errorf("pin %+v does not read back: %+v, %v", p, again, err)
			}
		}
	})
}
