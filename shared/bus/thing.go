package bus

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/nats-io/nats.go/jetstream"
)

// things are what runs and tasks name and what lies elsewhere, by name: files, pictures, large results, workflows and
// secrets. The value is where it lies: an object store, or the bucket secrets. All of these names are random or
// digests, so that a message which holds one names the thing.
type things map[string]string

func thingsOf(e erasure) things {
	all := things{}
	for _, ref := range e.Secrets {
		all.add(ref, bucketSecrets)
	}
	for _, id := range e.Files {
		all.add(string(id), storeFiles)
	}
	for _, digest := range e.Objects {
		all.add(digest, storeObjects)
	}
	return all
}

func (all things) add(name, where string) {
	if name != "" {
		all[name] = where
	}
}

// collect adds what the log of a run names. What cannot be read there names nothing.
func (b *Bus) collect(ctx context.Context, k event.Key, all things) error {
	files := func(list []event.RunFile) {
		for _, f := range list {
			all.add(string(f.ID), storeFiles)
		}
	}
	return b.each(ctx, streamRuns, event.LogFilter(k), func(m jetstream.Msg) error {
		info, _ := event.ParseSubject(m.Subject())
		if info.Step > 0 {
			var e event.StepEvent
			if json.Unmarshal(m.Data(), &e) == nil {
				all.add(e.Data.Screenshot, storeScreenshots)
				all.add(e.Data.Thumbnail, storeScreenshots)
				all.add(e.Data.ActionsObj, storeObjects)
				all.add(e.Data.Told, storeObjects)
				files(e.Data.Files)
			}
			return nil
		}
		var e event.RunEvent
		if json.Unmarshal(m.Data(), &e) == nil {
			all.add(e.Data.Run.ResultObject, storeObjects)
			files(e.Data.Run.Files)
			if w := e.Data.Run.Workflow; w != nil {
				all.add(w.Healed, storeObjects)
			}
		}
		return nil
	})
}

// eraseThings erases those that nobody but k names: a run, or a task where k has no run. held reports whether a run that
// has not ended needs some of them.
func (b *Bus) eraseThings(ctx context.Context, k event.Key, all things) (held bool, err error) {
	if len(all) == 0 {
		return false, nil
	}
	if held, err = b.spare(ctx, k, all); err != nil {
		return held, err
	}
	for name, where := range all {
		if where == bucketSecrets {
			err = b.purge(ctx, "KV_"+bucketSecrets, "$KV."+bucketSecrets+"."+name)
		} else {
			err = b.eraseObject(ctx, where, name)
		}
		if err != nil {
			return held, err
		}
	}
	return held, nil
}

// spare takes out what other runs and tasks name. held reports whether a run that has not ended is among them.
func (b *Bus) spare(ctx context.Context, k event.Key, all things) (held bool, err error) {
	for _, from := range []struct {
		stream, filter string
		counts         func(context.Context, event.Key, jetstream.Msg) (bool, error)
		open           bool
	}{
		{streamRuns, "run.v1.evt.>", b.otherRun, false},
		{streamRuns, "run.v1.step.>", b.otherRun, false},
		{"KV_" + bucketTasks, "$KV." + bucketTasks + ".>", otherTask, false},
		{streamTaskReq, "task.req.v1.>", b.untouchedTask, false},
		{streamRunReq, "run.req.v1.>", b.openRun, true},
	} {
		err := b.each(ctx, from.stream, from.filter, func(m jetstream.Msg) error {
			for name := range all {
				if !bytes.Contains(m.Data(), []byte(name)) {
					continue
				}
				counts, err := from.counts(ctx, k, m)
				if err != nil {
					return err
				}
				if counts {
					delete(all, name)
					held = held || from.open
				}
			}
			return nil
		})
		if err != nil || len(all) == 0 {
			return held, err
		}
	}
	return held, nil
}

// otherRun reports whether an event is of another run than k. One whose request is gone is being erased, too.
func (b *Bus) otherRun(ctx context.Context, k event.Key, m jetstream.Msg) (bool, error) {
	info, ok := event.ParseSubject(m.Subject())
	if !ok || info.Key == k {
		return false, nil
	}
	_, err := b.Request(ctx, info.Key.Run)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// otherTask reports whether a definition is not the task k.
func otherTask(_ context.Context, k event.Key, m jetstream.Msg) (bool, error) {
	return k.Run > 0 || m.Subject() != "$KV."+bucketTasks+"."+k.Task.String(), nil
}

// untouchedTask reports whether a request made a task that nobody has read yet. Of others the bucket has what they name
// now.
func (b *Bus) untouchedTask(ctx context.Context, k event.Key, m jetstream.Msg) (bool, error) {
	meta, err := m.Metadata()
	if err != nil {
		return false, fmt.Errorf("read metadata of %s: %w", m.Subject(), err)
	}
	id := event.TaskID(meta.Sequence.Stream)
	_, err = b.lastMsg(ctx, "KV_"+bucketTasks, "$KV."+bucketTasks+"."+id.String())
	if errors.Is(err, ErrNotFound) {
		return k.Run > 0 || id != k.Task, nil
	}
	return false, err
}

// openRun reports whether a request is that of a run that has not ended. The log of one that has ended names all that
// it still shows.
func (b *Bus) openRun(ctx context.Context, _ event.Key, m jetstream.Msg) (bool, error) {
	meta, err := m.Metadata()
	if err != nil {
		return false, fmt.Errorf("read metadata of %s: %w", m.Subject(), err)
	}
	request, err := DecodeRequest(m.Subject(), m.Data())
	if err != nil {
		return false, nil
	}
	ended, err := b.ended(ctx, event.Key{Task: request.Task, Run: event.RunID(meta.Sequence.Stream)})
	return err == nil && !ended, err
}

// eraseObject removes an object, and after it what the store keeps of a deleted one: its name and headers.
func (b *Bus) eraseObject(ctx context.Context, store, name string) error {
	ctx, cancel := context.WithTimeout(ctx, objectTimeout)
	defer cancel()
	os, err := b.objects(ctx, store)
	if err != nil {
		return err
	}
	if err := os.Delete(ctx, name); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return readErr("erase object "+name, err)
	}
	return b.purge(ctx, "OBJ_"+store, "$O."+store+".M."+base64.URLEncoding.EncodeToString([]byte(name)))
}

// scanBatch is how many messages of a stream are read at once.
const scanBatch = 500

// each calls visit for all messages of a stream on filter, in order, up to the end.
func (b *Bus) each(ctx context.Context, stream, filter string, visit func(jetstream.Msg) error) error {
	c, err := b.js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
		FilterSubject: filter, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: 5 * time.Second, // where it is not deleted
	})
	if err != nil {
		return readErr("read "+filter, err)
	}
	defer func() { _ = b.js.DeleteConsumer(ctx, stream, c.CachedInfo().Name) }()
	for {
		batch, err := c.FetchNoWait(scanBatch)
		if err != nil {
			return readErr("read "+filter, err)
		}
		read := 0
		for m := range batch.Messages() {
			if read++; err == nil {
				err = visit(m)
			}
		}
		if err = errors.Join(err, batch.Error()); err != nil {
			return readErr("read "+filter, err)
		}
		if read == 0 {
			return ctx.Err()
		}
	}
}
