package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/natstest"
	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// estate is a run of everything that a run can leave behind.
type estate struct {
	key     event.Key
	request event.Request
	own     []string // names of what is stored for it alone
}

// Marks of what is stored, to be searched for.
const (
	prompt  = "say hello to Mr. Marley"
	picture = "a picture of the page that every visitor sees"
)

// leave makes a run of the task, takes it to its end, and stores all that may belong to a run. Its picture is the same
// as every other's.
func leave(t testing.TB, b *bus.Bus, task event.Task) estate {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	mark := uuid.NewString()
	file, err := b.PutFile(t.Context(), "letter.txt", strings.NewReader("the text of "+mark))
	must(err)
	must(b.PutSecret(t.Context(), "ref-"+mark, []byte("sealed "+mark)))
	e := estate{own: []string{mark, string(file.ID)}}
	e.request = event.Request{
		Task: task.ID, Prompt: prompt + mark, Provider: "openai", Model: "m", WebhookURL: "https://hooks.example/" + mark, CreatedAt: b.Now(t.Context()),
		Means: event.Means{Secrets: append([]event.Secret{{Name: "own", Ref: "ref-" + mark}}, task.Secrets...)},
	}
	id, _, err := b.AcceptRun(t.Context(), mark, e.request)
	must(err)
	e.key = event.Key{Task: task.ID, Run: id}
	s := event.Queued(id, e.request)
	w := event.Writer{Service: "test", Instance: "1"}
	var last uint64
	for _, typ := range []event.Type{event.Created, event.Dispatched, event.Started} {
		s.State, s.Attempt = typ.State(), 1
		last, err = b.Append(t.Context(), w.Run(typ, b.Now(t.Context()), event.RunData{Run: s, Previous: last}), last)
		must(err)
	}
	must(b.Arm(t.Context(), bus.Timer{Task: task.ID, Run: id, Kind: bus.TimerLease, Due: b.Now(t.Context()).AddDate(1, 0, 0)}, last))
	digest, err := b.PutScreenshot(t.Context(), []byte(picture))
	must(err)
	small, err := b.PutScreenshot(t.Context(), []byte("small "+picture))
	must(err)
	told, err := b.PutObject(t.Context(), []byte("the model was told of "+mark))
	must(err)
	state, err := b.PutState(t.Context(), e.key, 5, 9, []byte("sealed "+mark))
	must(err)
	long := strings.Repeat(mark, 1000)
	d := event.StepData{
		Task: task.ID, Run: id, Attempt: 1, Number: 1, Lifecycle: last, Screenshot: digest, Thumbnail: small, Told: told, State: state, Actions: []event.Action{{Name: "done", ExtractedContent: &long}},
	}
	at, err := b.AppendStep(t.Context(), event.Done, w.Step(event.Done, b.Now(t.Context()), d))
	must(err)
	s.State, s.Result, s.Files = event.StateSucceeded, json.RawMessage(`"`+long+`"`), []event.RunFile{file.Of(event.SourceDownload)}
	end := event.RunData{Run: s, Previous: last, LastStep: &event.StepRef{Number: 1, Sequence: at}}
	_, err = b.Append(t.Context(), w.Run(event.Succeeded, b.Now(t.Context()), end), last)
	must(err)
	del := event.DeliveryData{ID: event.DeliveryOf(id), Task: task.ID, Run: id, Type: event.DeliveryCreated, URL: e.request.WebhookURL}
	_, err = b.AppendDelivery(t.Context(), w.Delivery(b.Now(t.Context()), del), 0)
	must(err)
	return e
}

// oneTask makes a task with a secret.
func oneTask(t testing.TB, b *bus.Bus, oneOff bool) event.Task {
	t.Helper()
	mark := uuid.NewString()
	ref := "ref-" + mark
	if err := b.PutSecret(t.Context(), ref, []byte("sealed")); err != nil {
		t.Fatal(err)
	}
	id, task, err := b.AcceptTask(t.Context(), mark, event.Task{
		Prompt: prompt, OneOff: oneOff, Means: event.Means{Secrets: []event.Secret{{Name: "password", Ref: ref}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	task.ID = id
	return task
}

// place is what stands before the task and the run in a subject.
var place = regexp.MustCompile(`^(\$KV\.\w+|run\.v1\.\w+|runctl\.v1\.\w+)\.`)

// remains are the subjects of all stored messages that hold one of the words, or are of the run.
func remains(t *testing.T, nc *nats.Conn, k event.Key, words ...string) (found []string) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	names := js.StreamNames(t.Context())
	for name := range names.Name() {
		s, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		for seq := uint64(1); ; seq++ {
			raw, err := s.GetMsg(t.Context(), seq, jetstream.WithGetMsgSubject(">"))
			if err != nil {
				break
			}
			seq = raw.Sequence
			all := raw.Subject + fmt.Sprint(raw.Header) + string(raw.Data)
			ofRun := k.Run > 0 && strings.HasPrefix(place.ReplaceAllString(raw.Subject, "")+".", k.String()+".")
			for _, w := range words {
				ofRun = ofRun || strings.Contains(all, w)
			}
			if ofRun {
				found = append(found, name+" "+raw.Subject)
			}
		}
	}
	return found
}

// eraser does what the orchestrator does with the erasings that were asked for.
func eraser(t *testing.T, b *bus.Bus) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Consume(ctx, bus.ConsumerErase, 4, b.Erase) }()
	t.Cleanup(func() { cancel(); <-done })
}

func erase(t *testing.T, b *bus.Bus, e estate) {
	t.Helper()
	asked, err := b.EraseRun(t.Context(), e.key, e.request)
	if err == nil {
		err = b.AwaitErased(t.Context(), asked)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestNothingIsLeftOfAnErasedRunAndNothingOfAnotherIsTaken(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t)
	b := natstest.On(t, nc)
	eraser(t, b)
	task := oneTask(t, b, false)
	one, other := leave(t, b, task), leave(t, b, task)
	const messages = 17 // the server copies the last three of them within milliseconds
	natstest.Eventually(t, func() error {
		if before := remains(t, nc, other.key, other.own...); len(before) != messages {
			return fmt.Errorf("a run leaves %d messages: %q", len(before), before)
		}
		return nil
	})

	erase(t, b, one)
	if left := remains(t, nc, one.key, one.own...); len(left) > 0 {
		t.Errorf("left of the erased run: %q", left)
	}
	if after := remains(t, nc, other.key, other.own...); len(after) != messages {
		t.Errorf("the other run has %d messages, before it had %d: %q", len(after), messages, after)
	}
	run, err := b.Run(t.Context(), other.key.Run)
	if err != nil || len(run.History) != 1 {
		t.Errorf("the other run is %+v, %v", run, err)
	}
	if _, err := b.Run(t.Context(), one.key.Run); !errors.Is(err, bus.ErrNotFound) {
		t.Errorf("read the erased run: %v", err)
	}
	if _, err := b.Secret(t.Context(), task.Secrets[0].Ref); err != nil {
		t.Errorf("the task's secret: %v", err)
	}
	if len(remains(t, nc, event.Key{}, picture)) == 0 {
		t.Error("the picture that the other run has, too, is gone")
	}
	erase(t, b, other)
	if left := remains(t, nc, event.Key{}, picture); len(left) > 0 {
		t.Errorf("the picture of no run is still there: %q", left)
	}
}

func TestATaskMadeForOneRunGoesWithItsLastRun(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t)
	b := natstest.On(t, nc)
	eraser(t, b)
	task := oneTask(t, b, true)
	one, other := leave(t, b, task), leave(t, b, task)
	erase(t, b, one)
	if _, _, err := b.Task(t.Context(), task.ID); err != nil {
		t.Errorf("the task, whose other run is there: %v", err)
	}
	erase(t, b, other)
	if left := remains(t, nc, event.Key{}, prompt, task.Secrets[0].Ref); len(left) > 0 {
		t.Errorf("left of the task: %q", left)
	}
	next := leave(t, b, oneTask(t, b, true))
	if next.key.Run <= other.key.Run || next.key.Task <= task.ID {
		t.Errorf("an id was given again: %s after %s", next.key, other.key)
	}
}

func TestAnErasedTaskKeepsWhatARunStillNeeds(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t)
	b := natstest.On(t, nc)
	task := oneTask(t, b, false)
	request := event.Request{Task: task.ID, Prompt: "another", Provider: "openai", Model: "m", Means: task.Means}
	id, _, err := b.AcceptRun(t.Context(), "k", request)
	if err != nil {
		t.Fatal(err)
	}
	_, revision, err := b.Task(t.Context(), task.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.EraseTask(t.Context(), task, revision+1); !errors.Is(err, bus.ErrConflict) {
		t.Errorf("erase a task that was edited: %v", err)
	}
	if _, err := b.EraseTask(t.Context(), task, revision); err != nil {
		t.Fatal(err)
	}
	_, again := handle(t.Context(), t, nc, b)
	if left := remains(t, nc, event.Key{}, prompt); len(left) > 0 {
		t.Errorf("left of the definition: %q", left)
	}
	if _, err := b.Secret(t.Context(), task.Secrets[0].Ref); err != nil || again == nil {
		t.Errorf("the secret that run %s needs: %v; the erasing ended with %v", id, err, again)
	}
	w := event.Writer{Service: "test", Instance: "1"}
	s := event.Queued(id, request)
	s.State = event.StateCanceled
	if _, err := b.Append(t.Context(), w.Run(event.Canceled, b.Now(t.Context()), event.RunData{Run: s}), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := handle(t.Context(), t, nc, b); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Secret(t.Context(), task.Secrets[0].Ref); !errors.Is(err, bus.ErrNotFound) {
		t.Errorf("the secret that nobody needs: %v", err)
	}
}

// handle gives b each stored message that asks for an erasing, once.
func handle(ctx context.Context, t testing.TB, nc *nats.Conn, b *bus.Bus) (n int, last error) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), "RUNS")
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); ; n++ {
		raw, err := s.GetMsg(t.Context(), seq, jetstream.WithGetMsgSubject("runctl.v1.erase.>"))
		if err != nil {
			return n, last
		}
		last = b.Erase(ctx, bus.Message{Subject: raw.Subject, Data: raw.Data, Sequence: raw.Sequence})
		seq = raw.Sequence + 1
	}
}

func TestARunThatHasNotEndedIsNotErased(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t)
	b := natstest.On(t, nc)
	id, request, err := b.AcceptRun(t.Context(), "k", event.Request{Task: 7, Prompt: "p", Provider: "openai", Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.EraseRun(t.Context(), event.Key{Task: 7, Run: id}, request); err == nil {
		t.Error("a queued run was erased")
	}
	if _, err := handle(t.Context(), t, nc, b); err == nil {
		t.Error("a queued run was erased by its message")
	}
	if _, err := b.Run(t.Context(), id); err != nil {
		t.Error(err)
	}
}

// mortal is a connection whose process dies at the nth write.
type mortal struct {
	net.Conn
	left atomic.Int64
	die  func()
}

func (m *mortal) Write(p []byte) (int, error) {
	if m.left.Add(-1) < 0 {
		m.die()
		return 0, io.ErrClosedPipe
	}
	return m.Conn.Write(p)
}

// dying gives connections that die.
type dying struct {
	*server.Server
	conn *mortal
}

func (d *dying) InProcessConn() (net.Conn, error) {
	c, err := d.Server.InProcessConn()
	d.conn.Conn = c
	return d.conn, err
}

func TestAnErasingThatDiedAnywhereIsFinished(t *testing.T) {
	t.Parallel()
	s := natstest.Server(t, t.TempDir())
	nc := natstest.Dial(t, s)
	b := natstest.On(t, nc)
	for writes := int64(0); ; writes += 7 {
		e := leave(t, b, oneTask(t, b, true))
		ctx, cancel := context.WithCancel(t.Context())
		conn := &mortal{}
		conn.left.Store(1 << 40)
		frail, err := bus.Connect("", "dies", natstest.Quiet(), nats.InProcessServer(&dying{s, conn}), nats.NoReconnect())
		if err != nil {
			t.Fatal(err)
		}
		conn.die = func() { cancel(); go frail.Close() }
		dies, err := bus.New(frail, natstest.Quiet())
		if err != nil {
			t.Fatal(err)
		}
		conn.left.Store(writes)
		if _, err := dies.EraseRun(ctx, e.key, e.request); err == nil {
			_, _ = handle(ctx, t, nc, dies)
		}
		survived := ctx.Err() == nil
		cancel()
		frail.Close()
		finish(t, nc, b, e)
		if left := remains(t, nc, e.key, append(e.own, prompt, picture)...); len(left) > 0 {
			t.Fatalf("after a death at write %d there is left: %q", writes, left)
		}
		if survived {
			t.Logf("an erasing has at most %d writes", writes)
			return
		}
	}
}

// finish does the erasing of which one has died, or all of it if that one had not asked for it yet.
func finish(t *testing.T, nc *nats.Conn, b *bus.Bus, e estate) {
	t.Helper()
	asked, err := handle(t.Context(), t, nc, b)
	if err == nil && asked == 0 {
		run, gone := b.Run(t.Context(), e.key.Run)
		if errors.Is(gone, bus.ErrNotFound) {
			return // it was done
		}
		if gone != nil || run.State != event.StateSucceeded || len(run.History) != 1 {
			t.Fatalf("nobody asked to erase a run that is %+v, %v", run, gone)
		}
		if _, err = b.EraseRun(t.Context(), e.key, e.request); err == nil {
			_, err = handle(t.Context(), t, nc, b)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
