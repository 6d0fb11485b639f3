//go:build unix && !linux

package browser

import "syscall"

// childAttributes puts Chromium into its own process group, under cred unless that
// is nil. Without Linux's death signal only the closed pipe ends an orphan.
func childAttributes(cred *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: cred}
}

func lowerPriority(int) {}

func temporary(profile string) string { return profile }

func processesOf(int) []osProcess { return nil }

func ended(int) bool { return false }

func groupsWithArgument(string) []int { return nil }
