package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// Times of Setup. A reply that the server loses costs one tryTimeout, and a process that dies while it holds the
// lock costs the others one lockTTL.
const (
	tryTimeout = 3 * time.Second // one request; a fresh cluster takes a few hundred milliseconds
	setupPause = 200 * time.Millisecond
	lockTTL    = 10 * time.Second
	lockWork   = 8 * time.Second // what one holder may do before it gives the lock back
)

// errLocked says that another process is setting up.
var errLocked = errors.New("another process is setting up the streams")

// Setup makes the streams, buckets and consumers that are missing and changes those that differ from the layout; what
// is as it should be is only read. Every service calls it at its start: of several at once, one makes the changes and
// the others wait for it. It tries again until ctx ends, except if the server refuses for a reason of its own; waiting
// (nil: nobody) is called with the reason for each further try.
func (b *Bus) Setup(ctx context.Context, r Replicas, waiting func(error)) error {
	for n := 0; ; n++ {
		err := b.setupOnce(ctx, r)
		if err == nil || !errors.Is(err, errLocked) && !unsettled(err) {
			return err
		}
		if !errors.Is(err, errLocked) {
			b.log.Log(ctx, b.level(n), "setting up the streams again", "error", err)
		}
		if waiting != nil {
			waiting(err)
		}
		if wait(ctx, setupPause); ctx.Err() != nil {
			return fmt.Errorf("set up the streams: %w", err)
		}
	}
}

// unsettled reports whether the same request may succeed soon: no answer came, or the cluster has no leader or not
// all of its servers yet.
func unsettled(err error) bool {
	var api *jetstream.APIError
	return undecided(err) || errors.As(err, &api) && (api.Code == 503 || api.ErrorCode == codeNoPeers)
}

func (b *Bus) setupOnce(ctx context.Context, r Replicas) error {
	changes, err := b.changes(ctx, r)
	if err != nil {
		return err
	}
	if len(changes) > 0 {
		if err := b.locked(ctx, r, func(ctx context.Context) error { return b.applyChanges(ctx, r) }); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	return b.clock.read(ctx, b.js)
}

// change makes or updates one stream or consumer.
type change struct {
	stage stage
	what  string
	do    func(context.Context) error
}

// stage is when a change is made: all of a stage come before those of the next.
type stage int

const (
	createStreams     stage = iota
	createProjections       // their sources exist by now
	updateStreams
	createConsumers
	updateConsumers
	stages
)

// atOnce is how many changes of a stage are made at the same time. Updates are made one by one: a server reads the
// configurations of other streams without a lock while it checks one.
func (s stage) atOnce() int {
	if s == updateStreams || s == updateConsumers {
		return 1
	}
	return 8
}

// applyChanges looks again, since another process may have changed everything before this one got the lock.
func (b *Bus) applyChanges(ctx context.Context, r Replicas) error {
	changes, err := b.changes(ctx, r)
	if err != nil {
		return err
	}
	for at := range stages {
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(at.atOnce())
		for _, c := range changes {
			if c.stage == at {
				g.Go(func() error {
					if err := try(ctx, c.do); err != nil {
						return fmt.Errorf("set up %s: %w", c.what, err)
					}
					return nil
				})
			}
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// changes is what differs from the layout.
func (b *Bus) changes(ctx context.Context, r Replicas) (all []change, err error) {
	for _, want := range layout(r) {
		if all, err = b.streamChange(ctx, want, all); err != nil {
			return nil, fmt.Errorf("look at stream %s: %w", want.Name, err)
		}
	}
	byStream := consumers()
	for _, stream := range slices.Sorted(maps.Keys(byStream)) {
		for _, want := range byStream[stream] {
			if all, err = b.consumerChange(ctx, stream, want, all); err != nil {
				return nil, fmt.Errorf("look at consumer %s: %w", want.Durable, err)
			}
		}
	}
	return all, nil
}

func (b *Bus) streamChange(ctx context.Context, want jetstream.StreamConfig, all []change) ([]change, error) {
	var have jetstream.Stream
	err := try(ctx, func(ctx context.Context) (err error) {
		have, err = b.js.Stream(ctx, want.Name)
		return err
	})
	c := change{updateStreams, "stream " + want.Name, func(ctx context.Context) error {
		_, err := b.js.UpdateStream(ctx, want)
		return err
	}}
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		c.stage = createStreams
		if len(want.Sources) > 0 {
			c.stage = createProjections
		}
		c.do = func(ctx context.Context) error { _, err := b.js.CreateStream(ctx, want); return err }
	case err != nil:
		return nil, err
	case sameConfig(want, have.CachedInfo().Config):
		return all, nil
	}
	return append(all, c), nil
}

func (b *Bus) consumerChange(ctx context.Context, stream string, want jetstream.ConsumerConfig, all []change) ([]change, error) {
	var have jetstream.Consumer
	err := try(ctx, func(ctx context.Context) (err error) {
		have, err = b.js.Consumer(ctx, stream, want.Durable)
		return err
	})
	missing := errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound)
	if err != nil && !missing {
		return nil, err
	}
	if !missing && sameConfig(want, have.CachedInfo().Config) {
		return all, nil
	}
	at := updateConsumers
	if missing {
		at = createConsumers
	}
	return append(all, change{at, "consumer " + want.Durable, func(ctx context.Context) error {
		_, err := b.js.CreateOrUpdateConsumer(ctx, stream, want)
		return err
	}}), nil
}

// try gives one request its own short deadline.
func try(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	return do(ctx)
}

// locked runs do while no other process sets up. errLocked: one does.
func (b *Bus) locked(ctx context.Context, r Replicas, do func(context.Context) error) error {
	kv, err := b.lockBucket(ctx, r)
	if err != nil {
		return err
	}
	owner := uuid.NewString()
	revision, err := takeLock(ctx, kv, owner)
	if err != nil {
		return err
	}
	defer func() {
		_ = try(context.WithoutCancel(ctx), func(ctx context.Context) error {
			return kv.Purge(ctx, lockKey, jetstream.LastRevision(revision))
		})
	}()
	ctx, cancel := context.WithTimeout(ctx, lockWork)
	defer cancel()
	return do(ctx)
}

const lockKey = "lock"

// takeLock creates the key of the lock. If the reply to an earlier try was lost, the key holds this owner.
func takeLock(ctx context.Context, kv jetstream.KeyValue, owner string) (revision uint64, err error) {
	for range 2 {
		err = try(ctx, func(ctx context.Context) (err error) {
			revision, err = kv.Create(ctx, lockKey, []byte(owner), jetstream.KeyTTL(lockTTL))
			return err
		})
		if err == nil || errors.Is(err, jetstream.ErrKeyExists) {
			break
		}
	}
	if !errors.Is(err, jetstream.ErrKeyExists) {
		return revision, err
	}
	var holder jetstream.KeyValueEntry
	err = try(ctx, func(ctx context.Context) (err error) {
		holder, err = kv.Get(ctx, lockKey)
		return err
	})
	if err == nil && string(holder.Value()) == owner {
		return holder.Revision(), nil
	}
	return 0, errLocked
}

// lockBucket opens the bucket of the lock, which every process may create: their creates are all the same.
func (b *Bus) lockBucket(ctx context.Context, r Replicas) (kv jetstream.KeyValue, err error) {
	open := func(ctx context.Context) (err error) {
		kv, err = b.js.KeyValue(ctx, bucketSetup)
		return err
	}
	if err = try(ctx, open); !errors.Is(err, jetstream.ErrBucketNotFound) {
		return kv, err
	}
	err = try(ctx, func(ctx context.Context) error { _, err := b.js.CreateStream(ctx, setupBucket(r)); return err })
	if err != nil {
		return nil, fmt.Errorf("create bucket %s: %w", bucketSetup, err)
	}
	return kv, try(ctx, open)
}

// sameConfig reports whether the server already has the configuration: every value is as wanted, or unset in what is
// wanted and the server's default.
func sameConfig(want, have any) bool { return sameValue("", asJSON(want), asJSON(have)) }

func asJSON(config any) (v any) {
	data, err := json.Marshal(config)
	if err != nil {
		panic(err) // a struct of the client library
	}
	if err := json.Unmarshal(data, &v); err != nil {
		panic(err)
	}
	return v
}

func sameValue(field string, want, have any) bool {
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		return ok && sameFields(w, h)
	case []any:
		h, ok := have.([]any)
		return ok && slices.EqualFunc(w, h, func(w, h any) bool { return sameValue(field, w, h) })
	}
	return reflect.DeepEqual(want, have) || unset(want) && (unset(have) || have == serverDefaults[field])
}

func sameFields(want, have map[string]any) bool {
	fields := maps.Clone(have)
	maps.Copy(fields, want)
	delete(fields, "metadata") // the server's notes about its own version
	for field := range fields {
		if !sameValue(field, want[field], have[field]) {
			return false
		}
	}
	return true
}

func unset(v any) bool { return v == nil || v == "" || v == false || v == 0.0 || v == -1.0 }

// serverDefaults are what the server puts where a configuration says nothing, apart from 0 and -1.
var serverDefaults = map[string]any{
	"duplicate_window": float64(2 * time.Minute),
	"max_waiting":      512.0,
}
