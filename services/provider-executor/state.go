package executor

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/vault"
)

// maxUnpacked bounds a state as it is read back, in bytes.
const maxUnpacked = 64 << 20

// pagesSuspected is how many losses in a row have a run's pages suspected: they are not opened again by the takeover.
const pagesSuspected = 2

// keepState stores, sealed, what the browser holds after a step, and returns the key by which the step names it. Empty:
// it is not stored, since there is no master key, or it is too large even without its databases, or NATS refuses it.
func (s *Service) keepState(ctx context.Context, l *lease, step int, state browser.State) string {
	if !s.Config.Keys.Usable() {
		return ""
	}
	l.mu.Lock()
	attempt := l.run.Attempt
	l.mu.Unlock()
	sealed, err := s.sealState(l.key, state)
	if err == nil && len(sealed) > bus.MaxState {
		sealed, err = s.sealState(l.key, state.WithoutDatabases())
	}
	if err == nil && len(sealed) > bus.MaxState {
		err = fmt.Errorf("it has %d bytes, and %d are allowed", len(sealed), bus.MaxState)
	}
	var key string
	if err == nil {
		key, err = l.bus.PutState(ctx, l.key, step, attempt, sealed)
	}
	if err != nil {
		l.log.Warn("store the browser's state", "step", step, "error", err)
		return ""
	}
	return key
}

// digest is a digest of what a run sends by which nobody can confirm a guess; empty: there is no master key.
func (s *Service) digest(body []byte) string {
	if !s.Config.Keys.Usable() {
		return ""
	}
	return s.Config.Keys.Digests(body)[0][:16]
}

// stateIdentity binds a sealed state to its run.
func stateIdentity(k event.Key) []byte { return []byte("browser-state/" + k.String()) }

func (s *Service) sealState(k event.Key, state browser.State) ([]byte, error) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if err := errors.Join(json.NewEncoder(w).Encode(state), w.Close()); err != nil {
		return nil, fmt.Errorf("encode the state: %w", err)
	}
	return s.Config.Keys.Seal(packed.Bytes(), stateIdentity(k))
}

func (s *Service) openState(k event.Key, sealed []byte) (*browser.State, error) {
	packed, err := s.Config.Keys.Open(sealed, stateIdentity(k))
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack the state: %w", err)
	}
	state := &browser.State{}
	if err := json.NewDecoder(io.LimitReader(r, maxUnpacked)).Decode(state); err != nil {
		return nil, fmt.Errorf("decode the state: %w", err)
	}
	if state.Version != browser.StateVersion {
		return nil, fmt.Errorf("the state has version %d, and this executor knows %d", state.Version, browser.StateVersion)
	}
	return state, nil
}

// lastState is what the browser of earlier attempts held at last; nil: that is not known. A state that cannot be opened
// costs the run its logins, and is no reason to fail it. err: NATS does not answer.
func (s *Service) lastState(ctx context.Context, l *lease, history []event.StepData) (*browser.State, error) {
	key := ""
	for _, step := range history {
		if step.State != "" {
			key = step.State
		}
	}
	if key == "" {
		return nil, nil
	}
	sealed, err := l.bus.BrowserState(ctx, key)
	if errors.Is(err, bus.ErrUnavailable) || ctx.Err() != nil {
		return nil, fmt.Errorf("read the browser's state: %w", err)
	}
	var state *browser.State
	if err == nil {
		state, err = s.openState(l.key, sealed)
	}
	if errors.Is(err, vault.ErrNoKey) {
		err = fmt.Errorf("%w: set the ERRAND_MASTER_KEY of the other executors here too", err)
	}
	if err != nil {
		l.log.Warn("restore the browser's state", "key", key, "error", err)
		return nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.run.Failures >= pagesSuspected {
		*state = state.WithoutPages()
	}
	return state, nil
}
