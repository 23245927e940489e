package e2e

import (
	"os"
	"strconv"
	"strings"
)

// memory returns how many bytes of a process are resident.
func memory(p *process) (resident int, known bool) {
	// The second figure of proc_pid_statm(5) is a number of pages.
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.command.Process.Pid) + "/statm")
	if err != nil {
		return 0, false
	}
	figures := strings.Fields(string(text))
	if len(figures) < 2 {
		return 0, false
	}
	pages, err := strconv.Atoi(figures[1])
	return pages * os.Getpagesize(), err == nil
}
