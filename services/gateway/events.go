package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/panics"
	"github.com/gofiber/fiber/v2"
)

// eventsPath is where a run's log is streamed. It is a handler of the router's own: the operations cannot flush.
const eventsPath = "/api/runs/:run_id/events"

// pingEvery is how often a silent stream says that it lives. A client that has left is noticed by it, and a step that
// the live feed has lost is read then.
const pingEvery = 15 * time.Second

// askEvery is how often the stream of a queued run asks why it waits.
const askEvery = 2 * time.Second

// eventsOperation is the stream's entry in the API document.
func eventsOperation() *huma.Operation {
	integer := &huma.Schema{Type: huma.TypeInteger, Format: "int64"}
	return &huma.Operation{
		OperationID: "stream-events", Method: http.MethodGet, Path: "/api/runs/{run_id}/events", Tags: []string{"runs"},
		Summary: "Stream the log of a run",
		Description: "Server-sent events from the first event of the run to its terminal one. The id is the sequence in the log, " +
			"the event created, dispatched, started, retrying, waiting, resumed, cancel_requested, succeeded, failed, canceled, timed_out, " +
			"step.planned, step.done or ping, the data the CloudEvents 1.0 object. While the run is queued, the event queued, without an id, " +
			"says why it waits: its data is the run's waiting. 204: nothing follows Last-Event-ID.",
		Parameters: []*huma.Param{
			{Name: "run_id", In: "path", Required: true, Description: "The ID of the run", Schema: integer},
			{Name: "Last-Event-ID", In: "header", Description: "Only what follows this sequence", Schema: integer},
			{Name: "after", In: "query", Description: "As Last-Event-ID, for clients that cannot set it", Schema: integer},
		},
		Responses: map[string]*huma.Response{
			"200": {Description: "The stream", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{
				Type:        huma.TypeString,
				Description: "Blocks of the lines id, event and data. The data is one line of JSON: a CloudEvents 1.0 object, whose schemas are in docs/asyncapi.yaml (lifecycle and step); of a ping it is {}, of queued {reason, since, until, text}.",
				Examples:    []any{"id: 7\nevent: started\ndata: {\"specversion\":\"1.0\",\"type\":\"errand.run.started\", ...}\n\n"},
			}}}},
			"204": {Description: "The run is over and nothing follows"},
		},
	}
}

// events streams the log of a run until its terminal event.
func (a *api) events(c *fiber.Ctx) error {
	ctx := c.UserContext()
	id, err := strconv.ParseInt(c.Params("run_id"), 10, 64)
	if err != nil {
		return huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: "path.run_id", Message: "expected an integer"})
	}
	after, err := strconv.ParseUint(c.Get("Last-Event-ID", c.Query("after", "0")), 10, 63)
	if err != nil {
		return huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: "header.Last-Event-ID", Message: "expected the id of an event"})
	}
	if errs := unknownQuery(queries(c), []string{"after"}); len(errs) > 0 {
		return huma.Error422UnprocessableEntity("validation failed", errs...)
	}
	k, err := a.key(ctx, event.RunID(id))
	if err != nil {
		return err
	}
	last, err := a.bus.Last(ctx, k)
	if err != nil && !errors.Is(err, bus.ErrNotFound) {
		return problem(err, "run "+k.Run.String())
	}
	if event.Kind(last.RunEvent).Terminal() && after >= last.Sequence {
		return c.SendStatus(http.StatusNoContent)
	}
	c.Set(fiber.HeaderContentType, "text/event-stream")
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set("X-Accel-Buffering", "no") // proxies of nginx's kind hold streams back otherwise
	s := stream{conn: c.Context().Conn(), after: after, queued: event.Kind(last.RunEvent) == "" || last.Data.Run.State == event.StateQueued}
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		s.out = w
		a.streamAlone(context.WithoutCancel(ctx), k, &s)
	})
	return nil
}

// queries are the parameters of the request's query.
func queries(c *fiber.Ctx) map[string][]string {
	all := map[string][]string{}
	for name, value := range c.Context().QueryArgs().All() {
		all[string(name)] = append(all[string(name)], string(value))
	}
	return all
}

// stream is one client's place in a log.
type stream struct {
	conn  net.Conn
	out   *bufio.Writer
	after uint64 // the last sequence that was sent

	queued bool          // the last lifecycle event that was sent has the run queued
	why    event.Waiting // that was sent
}

// streamAlone is stream in a goroutine of the server's: a panic there would end the process.
func (a *api) streamAlone(ctx context.Context, k event.Key, s *stream) {
	var err error
	if panicked := panics.Catch(func() { err = a.stream(ctx, k, s) }); panicked != nil {
		a.log.Error("event stream panicked", "run_id", k.Run, "error", panicked, "stack", panics.Stack(panicked))
	} else if err != nil {
		a.log.Info("event stream ended early", "run_id", k.Run, "error", err)
	}
}

// stream sends what the log has, then what it gets, until the terminal event, the client's leave, or the shutdown.
func (a *api) stream(ctx context.Context, k event.Key, s *stream) error {
	grown, leave := a.hub.follow(k.Run)
	defer leave()
	if err := s.ping(); err != nil { // the client sees at once that it is connected
		return err
	}
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	asking := time.NewTicker(askEvery)
	defer asking.Stop()
	for {
		over, err := a.sendNew(ctx, k, s)
		if err == nil && !over {
			err = a.sendWhy(ctx, k, s)
		}
		if err != nil || over {
			return err
		}
		select {
		case <-grown:
		case <-asking.C:
		case <-ticker.C:
			if err := s.ping(); err != nil {
				return err
			}
		case <-a.closing:
			return nil
		}
	}
}

// sendNew sends all that the log has beyond what was sent. over tells that the terminal event was among it.
func (a *api) sendNew(ctx context.Context, k event.Key, s *stream) (over bool, err error) {
	for {
		e, err := a.bus.Next(ctx, k, s.after)
		if errors.Is(err, bus.ErrNotFound) || errors.Is(err, bus.ErrUnavailable) {
			return false, nil // the rest comes when the log grows, or with the next ping
		}
		if err != nil {
			return false, err
		}
		belongs, err := a.bus.Belongs(ctx, k, e)
		if errors.Is(err, bus.ErrUnavailable) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if !belongs {
			s.after = e.Sequence
			continue
		}
		name := string(e.Type)
		if e.Step > 0 {
			name = "step." + string(e.Phase)
		}
		if err := s.send(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", e.Sequence, name, e.Data)); err != nil {
			return false, err
		}
		s.after = e.Sequence
		if e.Step == 0 {
			s.queued = e.Type.State() == event.StateQueued
		}
		if e.Type.Terminal() {
			return true, nil
		}
	}
}

// sendWhy sends why a queued run waits, unless that was sent last.
func (a *api) sendWhy(ctx context.Context, k event.Key, s *stream) error {
	if !s.queued {
		return nil
	}
	why, err := a.bus.Why(ctx, []event.RunID{k.Run})
	w, ok := why[k.Run]
	if err != nil || !ok || w == s.why {
		return nil // an addition to the log: it is asked again
	}
	data, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("encode why a run waits: %w", err)
	}
	s.why = w
	return s.send(fmt.Sprintf("event: queued\ndata: %s\n\n", data))
}

func (s *stream) ping() error { return s.send("event: ping\ndata: {}\n\n") }

func (s *stream) send(text string) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("extend the write deadline: %w", err)
	}
	if _, err := s.out.WriteString(text); err != nil {
		return fmt.Errorf("write to the client: %w", err)
	}
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("write to the client: %w", err)
	}
	return nil
}
