package bus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// objectTimeout bounds moving one object, of a few MiB at most.
const objectTimeout = 15 * time.Second

// PutObject stores bytes that are too large for an event and returns their digest, "sha256:" and hex, by which
// the event then names them. The same bytes are stored once.
func (b *Bus) PutObject(ctx context.Context, data []byte) (digest string, err error) {
	return b.put(ctx, storeObjects, data)
}

// Object is what PutObject stored under the digest. ErrNotFound: nothing.
func (b *Bus) Object(ctx context.Context, digest string) ([]byte, error) {
	return b.get(ctx, storeObjects, digest)
}

// PutScreenshot stores a JPEG and returns its digest.
func (b *Bus) PutScreenshot(ctx context.Context, jpeg []byte) (digest string, err error) {
	return b.put(ctx, storeScreenshots, jpeg)
}

// Screenshot is the JPEG of the digest. ErrNotFound: none.
func (b *Bus) Screenshot(ctx context.Context, digest string) ([]byte, error) {
	return b.get(ctx, storeScreenshots, digest)
}

func (b *Bus) put(ctx context.Context, store string, data []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, objectTimeout)
	defer cancel()
	os, err := b.objects(ctx, store)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	if _, err := os.GetInfo(ctx, digest); err == nil {
		return digest, nil
	}
	if _, err := os.PutBytes(ctx, digest, data); err != nil {
		return "", readErr("put object", err)
	}
	return digest, nil
}

func (b *Bus) get(ctx context.Context, store, digest string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, objectTimeout)
	defer cancel()
	os, err := b.objects(ctx, store)
	if err != nil {
		return nil, err
	}
	data, err := os.GetBytes(ctx, digest)
	return data, readErr("get object "+digest, err)
}

func (b *Bus) objects(ctx context.Context, store string) (jetstream.ObjectStore, error) {
	if os, ok := b.handles.Load("OBJ_" + store); ok {
		return os.(jetstream.ObjectStore), nil
	}
	os, err := b.js.ObjectStore(ctx, store)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, fmt.Errorf("open object store %s: it does not exist yet: %w", store, ErrUnavailable)
	}
	if err != nil {
		return nil, readErr("open object store "+store, err)
	}
	b.handles.Store("OBJ_"+store, os)
	return os, nil
}
