package uft

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version describes the running program in one line, from what the compiler
// wrote into it; info is nil for a program built without that.
func version(info *debug.BuildInfo) string {
	release, revision, modified := "(unknown)", "", ""
	if info != nil {
		if info.Main.Version != "" {
			release = info.Main.Version
		}
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = " " + s.Value[:min(12, len(s.Value))]
			case "vcs.modified":
				if s.Value == "true" {
					modified = " modified"
				}
			}
		}
	}
	return fmt.Sprintf("uft %s%s%s %s %s/%s", release, revision, modified,
		runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
