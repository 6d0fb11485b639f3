package browser

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// childAttributes puts Chromium into its own session and process group, under cred unless
// that is nil, and has the kernel kill it when the launching thread ends. To each session
// the kernel's scheduler gives an equal share of the processors, however many processes
// are in it (sched_autogroup), so that a page which spins takes no more than its own.
func childAttributes(cred *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL, Credential: cred}
}

// lessThanOurs is how many steps below our own priority Chromium runs: what it does must never keep us from extending a
// lease.
const lessThanOurs = 5

// lowerPriority puts a process group behind us where both are in one scheduling group, as in a container. Between
// sessions it has no effect, and needs none: we take less than our share.
func lowerPriority(group int) {
	if raw, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0); err == nil {
		nice := 20 - raw // as the system call has it
		_ = syscall.Setpriority(syscall.PRIO_PGRP, group, min(nice+lessThanOurs, 19))
	}
}

// temporary is TMPDIR for a Chromium that works in its profile: sockets below it have
// short paths, which may have 107 bytes, wherever the profile is.
func temporary(string) string { return "/proc/self/cwd" }

// processesOf lists Chromium's own process, which is pid, and all below it.
func processesOf(pid int) []osProcess {
	all := []osProcess{weighed(pid, main)}
	for _, child := range children(pid, "*") {
		kind := worker
		if isZygote(child) {
			kind = zygote
		}
		all = append(all, weighed(child, kind))
		all = append(all, below(child)...)
	}
	return all
}

// below lists what a zygote has started, which its first thread does. What has started others is a zygote too; a worker's
// command line reads like one for a moment.
func below(pid int) (all []osProcess) {
	for _, child := range children(pid, strconv.Itoa(pid)) {
		kind, further := worker, below(child)
		if len(further) > 0 {
			kind = zygote
		}
		all = append(append(all, weighed(child, kind)), further...)
	}
	return all
}

// children are the processes that those threads of pid have started which match the pattern.
func children(pid int, threads string) (pids []int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/%s/children", pid, threads))
	for _, file := range files {
		list, _ := os.ReadFile(file)
		for field := range strings.FieldsSeq(string(list)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

func isZygote(pid int) bool {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return bytes.Contains(line, []byte("--type=zygote"))
}

// weighed reads what a process has in memory: nothing, once it has ended.
func weighed(pid int, kind processKind) osProcess {
	p := osProcess{pid: pid, kind: kind}
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	var size, resident, shared int64
	if _, err := fmt.Sscan(string(text), &size, &resident, &shared); err == nil {
		page := int64(os.Getpagesize())
		p.resident, p.private = resident*page, (resident-shared)*page
	}
	return p
}

// ended reports whether a process is no more, although its parent may not know yet.
func ended(pid int) bool { return weighed(pid, worker).resident == 0 }

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
