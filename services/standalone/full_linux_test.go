package standalone

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A disk that is full ends the process, which says what to do; started again with room, it works.
func TestAFullDiskEndsTheProcessAndRoomHealsIt(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=32m"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	defer func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) }()
	serve := func() (addr string, stop func(), ended chan error) {
		env := map[string]string{"ERRAND_ADDR": "127.0.0.1:0", "ERRAND_DATA_DIR": filepath.Join(disk, "data"), "ERRAND_NATS_LISTEN": "off"}
		c, err := LoadConfig(func(name string) string { return env[name] })
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ready, ended := make(chan Address, 1), make(chan error, 1)
		go func() {
			ended <- (&Service{Config: c, Ready: func(a Address) { ready <- a }, Logger: quiet}).Run(ctx)
		}()
		select {
		case at := <-ready:
			return at.HTTP, stop, ended
		case err := <-ended:
			t.Fatal(err)
			return "", nil, nil
		}
	}
	addr, stop, ended := serve()
	defer stop()
	filler := filepath.Join(disk, "filler")
	if err := os.WriteFile(filler, make([]byte, 64<<20), 0o600); err == nil {
		t.Fatal("the disk is not small")
	}
	if resp, err := http.Get("http://" + addr + "/readyz"); err == nil { // it writes
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Error("it is ready on a full disk")
		}
	}
	err := <-ended
	if err == nil || !strings.Contains(err.Error(), "free space on the disk") || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("it ended with %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	addr, stop, ended = serve()
	probe(t, addr, "/readyz", http.StatusOK, "")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
