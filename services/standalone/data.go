package standalone

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/errand-run/errand/shared/vault"
)

// data is the directory that holds everything that outlives the process, locked for as long as the process has it.
type data struct {
	path string // absolute
	lock *os.File
}

// openData makes the directory where it does not exist, and locks it. The lock ends with the process, however it ends.
func openData(path string) (*data, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("open data directory %s: another errand is using it; stop that one, or choose another directory with --data or ERRAND_DATA_DIR", path)
		}
		return nil, fmt.Errorf("lock data directory %s: %w", path, err)
	}
	return &data{path: path, lock: lock}, nil
}

func (d *data) close() error { return d.lock.Close() }

func (d *data) natsDir() string { return filepath.Join(d.path, "nats") }

// Files in the data directory that keep what the environment does not give. Both can be read by their owner only.
const (
	secretFile    = "webhook-secret" // signs webhooks
	masterKeyFile = "master-key"     // seals the secrets of tasks and runs
)

func newWebhookSecret() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(key)
}

// kept is what a file of the data directory holds: made once, then kept.
func (d *data) kept(name string, fresh func() string) (string, error) {
	path := filepath.Join(d.path, name)
	stored, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(stored)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	made := fresh()
	if err := writeFile(path, made+"\n"); err != nil {
		return "", fmt.Errorf("keep %s: %w", name, err)
	}
	return made, nil
}

// environment is getenv with what the data directory keeps where getenv gives nothing.
func (d *data) environment(getenv func(string) string) (func(string) string, error) {
	over := map[string]string{}
	for name, kept := range map[string]struct {
		file  string
		fresh func() string
	}{
		"ERRAND_WEBHOOK_SECRET": {secretFile, newWebhookSecret},
		"ERRAND_MASTER_KEY":     {masterKeyFile, vault.NewKey},
	} {
		if getenv(name) != "" {
			continue
		}
		value, err := d.kept(kept.file, kept.fresh)
		if err != nil {
			return nil, err
		}
		over[name] = value
	}
	return Overlay(getenv, over), nil
}

// writeFile writes a file that is either there whole or not at all, also after a power cut.
func writeFile(path, content string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
