package browser

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const homePattern = "errand-browser-*"

// home is the directory of one Chromium: a lock that the executor holds for as long
// as it lives, and the profile, which belongs to Chromium's uid.
type home struct {
	dir  string
	uid  int // Chromium's
	lock *os.File
}

func newHome(temp string, uid int) (*home, error) {
	dir, err := os.MkdirTemp(temp, homePattern)
	if err != nil {
		return nil, fmt.Errorf("%w: make browser directory: %w: %w", ErrNotStarted, err, errNoPlace)
	}
	h := &home{dir: dir, uid: uid}
	if err := h.prepare(uid); err != nil {
		h.remove()
		return nil, fmt.Errorf("prepare browser directory: %w", err)
	}
	return h, nil
}

func (h *home) prepare(uid int) error {
	var err error
	if h.lock, err = takeLock(h.dir, os.O_CREATE); err != nil {
		return err
	}
	if err := os.Mkdir(h.profile(), 0o700); err != nil {
		return err
	}
	if uid == os.Geteuid() {
		return nil
	}
	return errors.Join(os.Chmod(h.dir, 0o711), os.Chown(h.profile(), uid, uid))
}

// barrier is the directory on the way to the profile that Chromium may not enter; empty for none.
func (h *home) barrier() string {
	for dir := h.dir; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return dir
		}
		owner, known := info.Sys().(*syscall.Stat_t)
		if info.Mode().Perm()&0o001 == 0 && known && int(owner.Uid) != h.uid {
			return dir
		}
	}
	return ""
}

func (h *home) profile() string { return filepath.Join(h.dir, "profile") }

// remove deletes the directory; what a dying Chromium still writes gets a second try.
func (h *home) remove() {
	if err := os.RemoveAll(h.dir); err != nil {
		_ = os.RemoveAll(h.dir)
	}
	if h.lock != nil {
		_ = h.lock.Close()
	}
}

func takeLock(dir string, flag int) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|flag, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return lock, nil
}

// sweep kills and removes what executors left behind that ended without a chance to
// clean up. A directory whose lock is held, or not yet made, has a living owner.
func sweep(temp string) {
	dirs, _ := filepath.Glob(filepath.Join(temp, homePattern))
	for _, dir := range dirs {
		lock, err := takeLock(dir, 0)
		if err != nil && !(os.IsNotExist(err) && olderThanMinute(dir)) {
			continue
		}
		h := &home{dir: dir, lock: lock}
		for _, group := range groupsWithArgument("--user-data-dir=" + h.profile()) {
			_ = syscall.Kill(-group, syscall.SIGKILL)
		}
		h.remove()
	}
}

func olderThanMinute(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && time.Since(info.ModTime()) > time.Minute
}
