package doctor

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"example.com/uft/internal/identity"
)

// checkState looks at what is kept between two runs: the folder, the key of the
// server, and the list of known servers.
func checkState(_ context.Context, options Options) []Finding {
	keyPath, hostsPath := options.Key, options.KnownHosts
	var findings []Finding
	usual, err := identity.KeyPath()
	if err == nil {
		dir := filepath.Dir(usual)
		findings = append(findings, checkStateFolder(dir))
		if _, err := os.Stat(dir); err != nil && !errors.Is(err, fs.ErrNotExist) && keyPath == "" && hostsPath == "" {
			return findings // what is in it cannot be looked at
		}
	} else if keyPath == "" || hostsPath == "" {
		findings = append(findings, Finding{
			Check: "state folder", Verdict: Fix, Text: strings.TrimPrefix(err.Error(), "identity: "),
			Fix: "export XDG_STATE_HOME=/var/lib/uft-state",
		})
	}
	if keyPath == "" {
		keyPath = usual
	}
	if hostsPath == "" {
		hostsPath, _ = identity.KnownHostsPath() // empty where there is none
	}
	if keyPath != "" {
		findings = append(findings, checkKey(keyPath))
	}
	if hostsPath != "" {
		findings = append(findings, checkKnownHosts(hostsPath))
	}
	return findings
}

// checkStateFolder looks at the folder itself: only its owner may change what
// is in it, or others could replace the key.
func checkStateFolder(dir string) Finding {
	f := Finding{Check: "state folder", Verdict: OK, Text: dir, Values: map[string]any{"path": dir}}
	info, err := os.Stat(dir)
	word := shellWord(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Text += ": made when it is needed"
		if parent := existingParent(dir); !writable(parent) {
			f.Verdict, f.Text = Fix, dir+": it cannot be made, since nothing can be written to "+parent
			f.Fix = fmt.Sprintf("sudo install -d -m 700 -o $USER %s", word)
		}
	case err != nil:
		f.Verdict, f.Text = Fix, fmt.Sprintf("%s: %v", dir, cause(err))
		f.Fix = "sudo chown -R $USER " + word
		if errors.Is(err, fs.ErrPermission) {
			f.Fix = "export XDG_STATE_HOME=$HOME/.local/state"
		}
	case !info.IsDir():
		f.Verdict, f.Text = Fix, dir+" is no folder"
		f.Fix = fmt.Sprintf("mv %s %s", word, shellWord(dir+".old"))
	case !isWindows() && info.Mode().Perm()&0o022 != 0:
		f.Verdict, f.Text = Fix, dir+": other users can change what is in it"
		f.Fix = "chmod 700 " + word
	case !writable(dir):
		f.Verdict, f.Text = Fix, dir+": nothing can be written to it"
		f.Fix = fmt.Sprintf("sudo chown -R $USER %s && chmod 700 %s", word, word)
	}
	return f
}

// existingParent returns the nearest folder above path that exists.
func existingParent(path string) string {
	for {
		parent := filepath.Dir(path)
		if _, err := os.Stat(parent); err == nil || parent == path {
			return parent
		}
		path = parent
	}
}

// writable reports whether a file can be made in a folder, by making one.
func writable(dir string) bool {
	file, err := os.CreateTemp(dir, ".uft-doctor-*")
	if err != nil {
		return false
	}
	return errors.Join(file.Close(), os.Remove(file.Name())) == nil
}

// checkKey looks at the key of a server. It makes none.
func checkKey(path string) Finding {
	f := Finding{Check: "server key", Verdict: OK, Values: map[string]any{"path": path}}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		f.Text = "none yet: made at the first start of a server"
		return f
	}
	key, _, err := identity.LoadOrCreate(path)
	if err != nil {
		f.Verdict, f.Text = Fix, strings.TrimPrefix(err.Error(), "identity: ")+"; put the right one there, or have a new one made"
		f.Fix = fmt.Sprintf("mv %s %s", shellWord(path), shellWord(path+".old"))
		if errors.Is(err, fs.ErrPermission) {
			f.Text = fmt.Sprintf("%s: %v", path, cause(err))
			f.Fix = fmt.Sprintf("sudo chown $USER %s && chmod 600 %s", shellWord(path), shellWord(path))
		}
		return f
	}
	f.Text = identity.Fingerprint(key.Public().(ed25519.PublicKey))
	f.Values["fingerprint"] = f.Text
	if exposed, err := identity.Exposed(path); err == nil && exposed {
		f.Verdict, f.Text = Fix, "other users of this machine can read "+path
		f.Fix = "chmod 600 " + shellWord(path)
	}
	return f
}

// checkKnownHosts reads the list of known servers. Every line is read on the way
// to any server.
func checkKnownHosts(path string) Finding {
	f := Finding{Check: "known servers", Verdict: OK, Values: map[string]any{"path": path}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		f.Text = "none yet: the list is made at the first contact"
		return f
	}
	if err == nil {
		_, _, err = identity.NewKnownHosts(path).Lookup("[localhost]:1")
	}
	if err != nil {
		f.Verdict, f.Text = Fix, strings.TrimPrefix(err.Error(), "identity: known servers: ")
		f.Fix = "${EDITOR:-vi} " + shellWord(path)
		if errors.Is(err, fs.ErrPermission) {
			f.Text = fmt.Sprintf("%s: %v", path, cause(err))
			f.Fix = fmt.Sprintf("sudo chown $USER %s && chmod 600 %s", shellWord(path), shellWord(path))
		}
		return f
	}
	servers := 0
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			servers++
		}
	}
	f.Values["lines"] = servers
	f.Text = fmt.Sprintf("%d in %s", servers, path)
	if info, err := os.Stat(path); err == nil && !isWindows() && info.Mode().Perm()&0o022 != 0 {
		f.Verdict, f.Text = Fix, "other users of this machine can change "+path
		f.Fix = "chmod 600 " + shellWord(path)
	}
	return f
}
