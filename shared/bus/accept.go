package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/errand-run/errand/shared/event"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
)

// AcceptRun stores a run's request and gives the run its id, in one write. Where the key was used before, it
// returns that run's id and request, and the caller decides whether they are the same. Errors wrap ErrUnavailable
// (nothing was stored) or ErrUnknown (repeat with the same key).
func (b *Bus) AcceptRun(ctx context.Context, key string, r event.Request) (event.RunID, event.Request, error) {
	subject := event.RunRequestSubject(r.Task, key)
	seq, stored, err := accept(ctx, b, streamRunReq, subject, r)
	return event.RunID(seq), stored, err
}

// AcceptTask stores a new task's definition and gives the task its id, in one write. Where the key was used
// before, it returns that task's id and first definition.
func (b *Bus) AcceptTask(ctx context.Context, key string, t event.Task) (event.TaskID, event.Task, error) {
	seq, stored, err := accept(ctx, b, streamTaskReq, event.TaskRequestSubject(key), t)
	stored.ID = event.TaskID(seq)
	return stored.ID, stored, err
}

// accept writes v as the first message of subject. On a conflict it reads who came first. All of it takes at most
// acceptTimeout.
func accept[T any](ctx context.Context, b *Bus, stream, subject string, v T) (uint64, T, error) {
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	data, err := json.Marshal(v)
	if err != nil {
		return 0, v, fmt.Errorf("encode %s: %w", subject, err)
	}
	msg := nats.NewMsg(subject)
	msg.Data = data
	msg.Header.Set("content-type", "application/json")
	// The id is new each time: a second request with the same key is a rival, not a repetition of this write.
	seq, err := b.write(ctx, stream, msg, guard{filter: subject, after: 0, id: uuid.NewString()})
	if !errors.Is(err, ErrConflict) {
		return seq, v, err
	}
	raw, err := b.lastMsg(ctx, stream, subject)
	if err != nil {
		return 0, v, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return raw.Sequence, v, decode(raw.Data, subject, &v)
}

// Request is the stored request of a run. ErrNotFound: no such run, or what is stored there is no request (then the
// error is ErrMalformed too): anybody with access to the bus can store anything, and none of it becomes a run.
func (b *Bus) Request(ctx context.Context, id event.RunID) (event.Request, error) {
	var r event.Request
	raw, err := b.msgAt(ctx, streamRunReq, uint64(id))
	if err != nil {
		return r, err
	}
	return DecodeRequest(raw.Subject, raw.Data)
}

// DecodeRequest reads the message at a subject of RUN_REQ, as Request does.
func DecodeRequest(subject string, data []byte) (event.Request, error) {
	var r event.Request
	err := decode(data, subject, &r)
	info, ok := event.ParseSubject(subject)
	if err == nil && (!ok || r.Task != info.Key.Task) {
		err = fmt.Errorf("%s holds a request of task %s: %w", subject, r.Task, ErrMalformed)
	}
	if err != nil {
		return event.Request{}, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return r, nil
}

// NewestRun is the highest id given to a run so far, 0 before the first.
func (b *Bus) NewestRun(ctx context.Context) (event.RunID, error) {
	id, err := b.lastID(ctx, streamRunReq)
	return event.RunID(id), err
}

func decode(data []byte, what string, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decode %s: %w: %w", what, ErrMalformed, err)
	}
	return nil
}
