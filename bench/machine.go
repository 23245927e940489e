package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machineLine describes the machine in one line.
func machineLine() string {
	parts := []string{processor(), fmt.Sprintf("%d cores", runtime.NumCPU())}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		parts = append(parts, fmt.Sprintf("%.0f GiB", float64(info.Totalram)*float64(info.Unit)/(1<<30)))
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		release := string(bytes.TrimRight(name.Release[:], "\x00"))
		parts = append(parts, "Linux "+release)
	}
	return strings.Join(append(parts, runtime.Version()+" "+runtime.GOARCH), ", ")
}

// processor returns the model of the processor.
func processor() string {
	out, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(out)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return "unknown processor"
}

// revision returns the revision of the repository, and whether it is changed.
func revision(root string) string {
	out, err := exec.Command("git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return "unknown revision"
	}
	return "revision " + strings.TrimSpace(string(out))
}
