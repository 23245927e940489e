package trust

import (
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"slices"
	"testing"
)

// TestKey: the key of a file lasts, and a file that is none stays.
func TestKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	var warnings []string
	warn := func(line string) { warnings = append(warnings, line) }
	first, err := Key(path, warn)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Key(path, warn)
	if err != nil || !first.Equal(second) || len(warnings) != 0 {
		t.Errorf("the key did not last: %v %q", err, warnings)
	}
	if _, err := Key(filepath.Join(path, "below"), warn); err == nil {
		t.Error("a place that the user named and that does not serve was passed over")
	}
	key, err := ephemeralKey(errors.New("identity: no place"), warn)
	if err != nil || len(key) != ed25519.PrivateKeySize {
		t.Errorf("a key for this run: %v", err)
	}
	want := []string{"warning: no place; using a key for this run only, so clients that know this server will refuse it"}
	if !slices.Equal(warnings, want) {
		t.Errorf("warned %q", warnings)
	}
}
