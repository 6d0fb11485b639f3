package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/errand-run/errand/shared/event"
)

// MaxState is how many bytes a sealed state of a browser may have: one message takes it.
const MaxState = 900 << 10

// PutState stores, sealed, what the browser of a run held after a step, under a name that is the step's alone, and
// returns the key by which the step's event then names it. It goes with its run.
func (b *Bus) PutState(ctx context.Context, k event.Key, step, attempt int, sealed []byte) (key string, err error) {
	kv, err := b.keyValue(ctx, bucketStates)
	if err != nil {
		return "", err
	}
	key = fmt.Sprintf("%s.%d.%d", k, step, attempt)
	_, err = kv.Put(ctx, key, sealed)
	return key, readErr("put state "+key, err)
}

// BrowserState is what PutState stored under the key. ErrNotFound: nothing.
func (b *Bus) BrowserState(ctx context.Context, key string) ([]byte, error) {
	kv, err := b.keyValue(ctx, bucketStates)
	if err != nil {
		return nil, err
	}
	entry, err := kv.Get(ctx, key)
	if err != nil {
		return nil, readErr("get state "+key, err)
	}
	return entry.Value(), nil
}

// PutSent writes down what a step of a run is about to send, all of it so far: before it leaves, and so before the step's
// outcome is on the log.
func (b *Bus) PutSent(ctx context.Context, k event.Key, step, attempt int, sent []event.Sent) error {
	kv, err := b.keyValue(ctx, bucketStates)
	if err != nil {
		return err
	}
	data, err := json.Marshal(sent)
	if err != nil {
		return fmt.Errorf("encode what is sent: %w", err)
	}
	key := sentKey(k, step, attempt)
	_, err = kv.Put(ctx, key, data)
	return readErr("put "+key, err)
}

// Sent is what a step was about to send when PutSent was last called; nil: nothing.
func (b *Bus) Sent(ctx context.Context, k event.Key, step, attempt int) (sent []event.Sent, err error) {
	data, err := b.BrowserState(ctx, sentKey(k, step, attempt))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return sent, decode(data, sentKey(k, step, attempt), &sent)
}

func sentKey(k event.Key, step, attempt int) string {
	return fmt.Sprintf("%s.%d.%d.sent", k, step, attempt)
}
