package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/errand-run/errand/shared/event"
	"github.com/nats-io/nats.go/jetstream"
)

// Task is a task's definition and its revision for UpdateTask. Its truth is the bucket tasks, and until the
// first edit the request that made it: a task exists from that one write on. The first read of a task copies it
// into the bucket. ErrNotFound: no such task, or it was deleted.
func (b *Bus) Task(ctx context.Context, id event.TaskID) (event.Task, uint64, error) {
	kv, err := b.tasks(ctx)
	if err != nil {
		return event.Task{}, 0, err
	}
	entry, err := kv.Get(ctx, id.String())
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return b.adoptTask(ctx, kv, id)
	}
	if err != nil {
		return event.Task{}, 0, readErr("read task "+id.String(), err)
	}
	t := event.Task{}
	if err := decode(entry.Value(), "task "+id.String(), &t); err != nil {
		return event.Task{}, 0, err
	}
	if t.Deleted {
		return event.Task{}, 0, fmt.Errorf("read task %s: %w", id, ErrNotFound)
	}
	return t, entry.Revision(), nil
}

// adoptTask copies a task from its request into the bucket. Of two that try, one wins and both read the same.
func (b *Bus) adoptTask(ctx context.Context, kv jetstream.KeyValue, id event.TaskID) (event.Task, uint64, error) {
	raw, err := b.msgAt(ctx, streamTaskReq, uint64(id))
	if err != nil {
		return event.Task{}, 0, err
	}
	t := event.Task{}
	if err := decode(raw.Data, raw.Subject, &t); err != nil {
		return event.Task{}, 0, err
	}
	t.ID = id
	data, err := json.Marshal(t)
	if err != nil {
		return event.Task{}, 0, fmt.Errorf("encode task %s: %w", id, err)
	}
	revision, err := kv.Create(ctx, id.String(), data)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return b.Task(ctx, id)
	}
	if err != nil {
		return event.Task{}, 0, readErr("adopt task "+id.String(), err)
	}
	return t, revision, nil
}

// UpdateTask replaces a definition that was read at revision. ErrConflict: it was edited meanwhile, read it again.
func (b *Bus) UpdateTask(ctx context.Context, t event.Task, revision uint64) error {
	kv, err := b.tasks(ctx)
	if err != nil {
		return err
	}
	data, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encode task %s: %w", t.ID, err)
	}
	_, err = kv.Update(ctx, t.ID.String(), data, revision)
	if hasCode(err, codeWrongLastSequence, codeRivalInFlight) {
		return fmt.Errorf("update task %s: %w", t.ID, ErrConflict)
	}
	return readErr("update task "+t.ID.String(), err)
}

// maxTasksRead bounds what one page of a list costs if nearly all tasks are left out of it.
const maxTasksRead = 2000

// TaskPage selects tasks of a list.
type TaskPage struct {
	Before event.TaskID // only ids below it; 0: from the newest
	Limit  int          // how many at most
	OneOff bool         // whether tasks that were made for one run are among them
}

// Tasks lists definitions, newest first. next is the Before of the following page, 0 at the end; a page may hold fewer
// than its limit.
func (b *Bus) Tasks(ctx context.Context, p TaskPage) (tasks []event.Task, next event.TaskID, err error) {
	newest, err := b.lastID(ctx, streamTaskReq)
	if err != nil {
		return nil, 0, err
	}
	id := event.TaskID(newest)
	if p.Before > 0 && p.Before <= id {
		id = p.Before - 1
	}
	for read := 0; id > 0; id-- {
		if len(tasks) == p.Limit || read == maxTasksRead {
			return tasks, id + 1, nil
		}
		read++
		t, _, err := b.Task(ctx, id)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		if p.OneOff || !t.OneOff {
			tasks = append(tasks, t)
		}
	}
	return tasks, 0, nil
}

// lastID is the highest sequence of a request stream: the newest id.
func (b *Bus) lastID(ctx context.Context, stream string) (uint64, error) {
	s, err := b.stream(ctx, stream)
	if err != nil {
		return 0, err
	}
	info, err := s.Info(ctx)
	if err != nil {
		return 0, readErr("read "+stream, err)
	}
	return info.State.LastSeq, nil
}

func (b *Bus) tasks(ctx context.Context) (jetstream.KeyValue, error) {
	return b.keyValue(ctx, bucketTasks)
}

// keyValue gives the handle of a bucket, looked up once.
func (b *Bus) keyValue(ctx context.Context, bucket string) (jetstream.KeyValue, error) {
	if kv, ok := b.handles.Load("KV_" + bucket); ok {
		return kv.(jetstream.KeyValue), nil
	}
	kv, err := b.js.KeyValue(ctx, bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, fmt.Errorf("open bucket %s: it does not exist yet: %w", bucket, ErrUnavailable)
	}
	if err != nil {
		return nil, readErr("open bucket "+bucket, err)
	}
	b.handles.Store("KV_"+bucket, kv)
	return kv, nil
}
