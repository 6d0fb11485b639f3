package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/google/uuid"
)

// Idempotency is the header of every request that creates something.
type Idempotency struct {
	Key string `header:"Idempotency-Key" maxLength:"255" doc:"Makes the request repeatable: the same key with the same body returns the same run, with another body 422. Lives as long as its run."`
}

// key names the write of a request.
type key struct {
	given    string // the Idempotency-Key, or one made for this request
	endpoint string // the same Idempotency-Key means something else at each endpoint
}

// at is the request's key at an endpoint.
func (i Idempotency) at(endpoint string) key {
	given := strings.Trim(strings.TrimSpace(i.Key), `"`)
	if given == "" {
		given = uuid.NewString()
	}
	return key{given, endpoint}
}

// token is the key as the last token of a subject.
func (k key) token() string {
	sum := sha256.Sum256([]byte(k.endpoint + "\n" + k.given))
	return hex.EncodeToString(sum[:])
}

// acceptRun stores the request and gives the run's id, or finds the run that the key made before.
func (a *api) acceptRun(ctx context.Context, k key, r event.Request) (id event.RunID, stored event.Request, replayed bool, err error) {
	hashes := a.bodyHashes(ctx)
	r.BodyHash, r.CreatedAt = hashes[0], a.bus.Now(ctx)
	id, stored, err = a.bus.AcceptRun(ctx, k.token(), r)
	if err != nil {
		return 0, stored, false, k.problem(err)
	}
	noted(ctx).run = id
	a.hub.accepted(event.Key{Task: stored.Task, Run: id})
	if !slices.Contains(hashes, stored.BodyHash) {
		return 0, stored, false, errKeyReused()
	}
	if replayed = !stored.CreatedAt.Equal(r.CreatedAt); !replayed {
		a.metrics.accepted.Inc()
	}
	return id, stored, replayed, nil
}

// acceptTask stores a new task and gives it its id, or finds the task that the key made before.
func (a *api) acceptTask(ctx context.Context, k key, t event.Task) (stored event.Task, replayed bool, err error) {
	hashes := a.bodyHashes(ctx)
	t.BodyHash, t.CreatedAt = hashes[0], a.bus.Now(ctx)
	t.UpdatedAt = t.CreatedAt
	_, stored, err = a.bus.AcceptTask(ctx, k.token(), t)
	if err != nil {
		return t, false, k.problem(err)
	}
	noted(ctx).task = stored.ID
	if !slices.Contains(hashes, stored.BodyHash) {
		return t, false, errKeyReused()
	}
	return stored, !stored.CreatedAt.Equal(t.CreatedAt), nil
}

func (k key) problem(err error) error {
	if errors.Is(err, bus.ErrUnknown) {
		return unavailable("NATS did not answer in time, and the task or run may exist: " +
			"repeat the same request with Idempotency-Key: " + k.given)
	}
	return problem(err, "the request")
}

func errKeyReused() error {
	return huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{
		Location: "header.Idempotency-Key", Message: "this key was used before with another body: repeat that body, or use a new key",
	})
}

// bodyHashes are what the request's raw body may be known by, hex, the first of them from now on. A body may hold
// secrets: where there is a master key its hash is a keyed one, which confirms no guess.
func (a *api) bodyHashes(ctx context.Context) []string {
	sum := sha256.Sum256(noted(ctx).body)
	return append(a.keys.Digests(noted(ctx).body), hex.EncodeToString(sum[:]))
}

// whether is a header that says true, or is not there.
func whether(b bool) string {
	if b {
		return "true"
	}
	return ""
}
