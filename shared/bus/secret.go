package bus

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// PutSecret stores a sealed secret under ref, unless something stands there: what a ref names never changes.
func (b *Bus) PutSecret(ctx context.Context, ref string, sealed []byte) error {
	kv, err := b.keyValue(ctx, bucketSecrets)
	if err != nil {
		return err
	}
	if _, err = kv.Create(ctx, ref, sealed); errors.Is(err, jetstream.ErrKeyExists) {
		return nil
	}
	return readErr("put secret", err)
}

// Secret is the sealed secret of a ref. ErrNotFound: none.
func (b *Bus) Secret(ctx context.Context, ref string) ([]byte, error) {
	kv, err := b.keyValue(ctx, bucketSecrets)
	if err != nil {
		return nil, err
	}
	entry, err := kv.Get(ctx, ref)
	if err != nil {
		return nil, readErr("get secret "+ref, err)
	}
	return entry.Value(), nil
}
