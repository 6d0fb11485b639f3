//go:build unix && !linux

package browser

import "syscall"

// childAttributes puts Chromium into its own process group, under cred unless that
// is nil. Without Linux's death signal only the closed pipe ends an orphan.
func childAttributes(cred *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: cred}
}

func groupPSS(int) int64 { return 0 }

func groupsWithArgument(string) []int { return nil }
