package browser

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// childAttributes puts Chromium into its own process group, under cred unless that
// is nil, and has the kernel kill it when the launching thread ends.
func childAttributes(cred *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: cred}
}

// groupPSS sums the proportional memory of a process group, as far as it may be read.
func groupPSS(group int) int64 {
	files, _ := filepath.Glob("/proc/[0-9]*/smaps_rollup")
	var sum int64
	for _, file := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			continue
		}
		if of, err := syscall.Getpgid(pid); err != nil || of != group {
			continue
		}
		text, _ := os.ReadFile(file)
		for line := range strings.Lines(string(text)) {
			if size, found := strings.CutPrefix(line, "Pss:"); found {
				kilobytes, _ := strconv.ParseInt(strings.Fields(size)[0], 10, 64)
				sum += kilobytes << 10
			}
		}
	}
	return sum
}

// groupsWithArgument lists the process groups that have a member started with arg.
func groupsWithArgument(arg string) []int {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var groups []int
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(line, []byte(arg+"\x00")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			continue
		}
		if group, err := syscall.Getpgid(pid); err == nil && group > 1 {
			groups = append(groups, group)
		}
	}
	return groups
}
