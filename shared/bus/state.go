package bus

import (
	"context"
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
