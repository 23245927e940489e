package doctor

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"example.com/uft/internal/identity"
)

// TestStateFolder goes through what can be wrong with the folder.
func TestStateFolder(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "state", "uft")
	if f := checkStateFolder(folder); f.Verdict != OK || f.Text != folder+": made when it is needed" {
		t.Errorf("none yet: %+v", f)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if f := checkStateFolder(folder); f.Verdict != OK || f.Text != folder {
		t.Errorf("as it is made: %+v", f)
	}
	if runtime.GOOS != "windows" {
		if err := os.Chmod(folder, 0o770); err != nil {
			t.Fatal(err)
		}
		if f := checkStateFolder(folder); f.Verdict != Fix || f.Fix != "chmod 700 "+folder {
			t.Errorf("open to a group: %+v", f)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if f := checkStateFolder(file); f.Verdict != Fix || f.Fix != "mv "+file+" "+file+".old" {
		t.Errorf("a file: %+v", f)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestFolderOfOthers: nothing can be written there.
func TestFolderOfOthers(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("the superuser may write everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{dir, filepath.Join(dir, "uft")} {
		f := checkStateFolder(folder)
		checkFinding(t, f)
		if f.Verdict != Fix {
			t.Errorf("%s: %+v", folder, f)
		}
	}
}

func TestServerKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity key")
	if f := checkKey(path); f.Verdict != OK || !strings.HasPrefix(f.Text, "none yet") {
		t.Errorf("none yet: %+v", f)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("looking at the key made one")
	}
	key, _, err := identity.LoadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	if f := checkKey(path); f.Verdict != OK || f.Text != identity.Fingerprint(key.Public().(ed25519.PublicKey)) {
		t.Errorf("a good key: %+v", f)
	}
	if runtime.GOOS != "windows" {
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if f := checkKey(path); f.Verdict != Fix || f.Fix != "chmod 600 '"+path+"'" {
			t.Errorf("readable by others: %+v", f)
		}
	}
	if err := os.WriteFile(path, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := checkKey(path)
	checkFinding(t, f)
	if f.Verdict != Fix || !strings.HasPrefix(f.Fix, "mv '") {
		t.Errorf("no key: %+v", f)
	}
}

func TestKnownServers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "known_hosts")
	if f := checkKnownHosts(path); f.Verdict != OK || !strings.HasPrefix(f.Text, "none yet") {
		t.Errorf("none yet: %+v", f)
	}
	hosts := identity.NewKnownHosts(path)
	for _, host := range []string{"one.example:5855", "two.example:5855"} {
		if err := hosts.Add(host, identity.Fingerprint(make([]byte, 32))); err != nil {
			t.Fatal(err)
		}
	}
	if f := checkKnownHosts(path); f.Verdict != OK || f.Text != "2 in "+path {
		t.Errorf("two servers: %+v", f)
	}
	if runtime.GOOS != "windows" {
		if err := os.Chmod(path, 0o666); err != nil {
			t.Fatal(err)
		}
		if f := checkKnownHosts(path); f.Verdict != Fix || f.Fix != "chmod 600 "+path {
			t.Errorf("others may write: %+v", f)
		}
	}
	if err := os.WriteFile(path, []byte("# mine\n\nnonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := checkKnownHosts(path)
	checkFinding(t, f)
	if f.Verdict != Fix || !strings.HasPrefix(f.Text, path+":3: ") {
		t.Errorf("a wrong line: %+v", f)
	}
}
