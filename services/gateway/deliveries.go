package gateway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

// deliveryView is a webhook to be delivered, with every POST that was made, as callers see it.
type deliveryView struct {
	ID        event.DeliveryID   `json:"id" doc:"The header webhook-id of all its POSTs"`
	TaskID    event.TaskID       `json:"task_id"`
	TaskRunID event.RunID        `json:"task_run_id"`
	URL       string             `json:"url"`
	State     event.WebhookState `json:"state" enum:"pending,retrying,delivered,exhausted,held" doc:"pending: not sent yet; retrying: failed, another attempt follows; exhausted: given up; held: its endpoint is disabled"`
	CreatedAt time.Time          `json:"created_at"`
	UpdatedAt time.Time          `json:"updated_at"`
	NextAt    *time.Time         `json:"next_attempt_at" nullable:"true"`
	Attempts  []attemptView      `json:"attempts" nullable:"false" doc:"Oldest first"`
}

// attemptView is one POST and what came of it.
type attemptView struct {
	Number     int          `json:"number" doc:"From 1, over all of the delivery"`
	Time       time.Time    `json:"time"`
	Status     *int         `json:"status" nullable:"true" doc:"The HTTP status of the answer; null: there was none"`
	DurationMS int64        `json:"duration_ms"`
	Class      *event.Class `json:"class" nullable:"true" enum:"dns,refused,reset,timeout,tls,redirect,blocked_address,status,body" doc:"Why it failed; null: it was delivered"`
	Error      *string      `json:"error" nullable:"true" doc:"The same in words"`
	Response   string       `json:"response" doc:"The first KiB of the answer"`
}

// viewDelivery makes the view of a delivery from its events.
func viewDelivery(events []bus.DeliveryRecord) deliveryView {
	first, last := events[0], events[len(events)-1]
	d := last.Data
	v := deliveryView{
		ID: d.ID, TaskID: d.Task, TaskRunID: d.Run, URL: d.URL, State: d.State(),
		CreatedAt: first.Time, UpdatedAt: last.Time, NextAt: d.NextAt, Attempts: []attemptView{},
	}
	for _, e := range events {
		if a := e.Data.Last; a != nil && (len(v.Attempts) == 0 || v.Attempts[len(v.Attempts)-1].Number < a.Number) {
			v.Attempts = append(v.Attempts, viewAttempt(*a))
		}
	}
	return v
}

func viewAttempt(a event.DeliveryAttempt) attemptView {
	v := attemptView{Number: a.Number, Time: a.At, DurationMS: a.DurationMS, Response: a.Response}
	if a.StatusCode > 0 {
		v.Status = &a.StatusCode
	}
	if a.Class != "" {
		v.Class = &a.Class
	}
	if a.Error != "" {
		v.Error = &a.Error
	}
	return v
}

func (a *api) deliveryOperations(h huma.API) {
	operation := func(method, path, id, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{"deliveries"}}
	}
	huma.Register(h, operation(http.MethodGet, "/api/deliveries", "list-deliveries", "List webhook deliveries, those of the newest runs first"), a.listDeliveries)
	huma.Register(h, operation(http.MethodGet, "/api/runs/{run_id}/deliveries", "list-run-deliveries", "List the webhook deliveries of a run"), a.runDeliveries)
	redeliver := operation(http.MethodPost, "/api/deliveries/{delivery_id}/redeliver", "redeliver", "Send a webhook again")
	redeliver.Description = "Sends it now, whatever became of it: with the same webhook-id and body, as the next attempt, signed anew. " +
		"If that fails, the schedule begins anew."
	redeliver.DefaultStatus = http.StatusAccepted
	huma.Register(h, redeliver, a.redeliver)
	a.endpointOperations(h, operation)
}

type listDeliveriesInput struct {
	Page
	TaskID event.TaskID       `query:"task_id" minimum:"1" doc:"Only those of runs of this task"`
	State  event.WebhookState `query:"state" enum:"pending,retrying,delivered,exhausted,held" doc:"Only those in this state"`
	Host   string             `query:"host" maxLength:"260" doc:"Only those to this host, or host:port"`
}

// listDeliveries lists deliveries, those of the newest runs first. A page's cursor is the last run of the page before.
func (a *api) listDeliveries(ctx context.Context, in *listDeliveriesInput) (*deliveriesOutput, error) {
	f := deliveryFilter{task: in.TaskID, before: event.RunID(in.before())}
	f.Host = in.Host
	if in.State != "" {
		f.State = []event.WebhookState{in.State}
	}
	list, more, err := a.deliveries(ctx, f, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &deliveriesOutput{}
	out.Body.Deliveries = list
	if more {
		next := list[len(list)-1].TaskRunID.String()
		out.Body.NextCursor = &next
	}
	return out, nil
}

// deliveries finds deliveries in the index and reads each from its log. more reports whether others follow.
func (a *api) deliveries(ctx context.Context, f deliveryFilter, limit int) (list []deliveryView, more bool, err error) {
	patient, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	if err := a.receivers.complete(patient); err != nil {
		return nil, false, problem(err, "the list")
	}
	list = []deliveryView{}
	for run := range a.receivers.newest(f) {
		if len(list) == limit {
			return list, true, nil
		}
		v, err := a.delivery(ctx, event.DeliveryOf(run))
		if errors.Is(err, bus.ErrNotFound) {
			a.receivers.forget(run)
			continue
		}
		if err != nil {
			return nil, false, problem(err, "the list")
		}
		if len(f.State) == 0 || slices.Contains(f.State, v.State) { // the log may be ahead of the index
			list = append(list, v)
		}
	}
	return list, false, nil
}

type deliveriesOutput struct {
	Body struct {
		Deliveries []deliveryView `json:"deliveries" nullable:"false"`
		NextCursor *string        `json:"next_cursor" nullable:"true"`
	}
}

// runDeliveries lists the deliveries of a run: one, as soon as a notifier has seen its end.
func (a *api) runDeliveries(ctx context.Context, in *RunInput) (*deliveriesOutput, error) {
	if _, _, err := a.request(ctx, in.RunID); err != nil {
		return nil, err
	}
	out := &deliveriesOutput{}
	out.Body.Deliveries = []deliveryView{}
	v, err := a.delivery(ctx, event.DeliveryOf(in.RunID))
	if errors.Is(err, bus.ErrNotFound) {
		return out, nil
	}
	if err != nil {
		return nil, problem(err, "the deliveries of run "+in.RunID.String())
	}
	out.Body.Deliveries = append(out.Body.Deliveries, v)
	return out, nil
}

func (a *api) delivery(ctx context.Context, id event.DeliveryID) (deliveryView, error) {
	events, err := a.bus.DeliveryHistory(ctx, id)
	if err != nil {
		return deliveryView{}, err
	}
	return viewDelivery(events), nil
}

type deliveryInput struct {
	ID event.DeliveryID `path:"delivery_id" maxLength:"40" doc:"The ID of the delivery"`
}

type deliveryOutput struct {
	Body deliveryView
}

// redeliver asks for a delivery to be sent again.
func (a *api) redeliver(ctx context.Context, in *deliveryInput) (*deliveryOutput, error) {
	what := "delivery " + string(in.ID)
	run, ok := event.DeliveryRun(in.ID)
	if !ok {
		return nil, huma.Error404NotFound(what + " does not exist")
	}
	if _, _, err := a.request(ctx, run); err != nil { // it goes with its run
		return nil, err
	}
	if err := a.requestDelivery(ctx, in.ID); err != nil {
		return nil, problem(err, what)
	}
	v, err := a.delivery(ctx, in.ID)
	if err != nil {
		return nil, problem(err, what)
	}
	return &deliveryOutput{v}, nil
}

// requestDelivery writes that somebody asks for a delivery to be sent again. One that is about to be sent for the same
// reason is not asked for twice.
func (a *api) requestDelivery(ctx context.Context, id event.DeliveryID) error {
	for {
		last, err := a.bus.LastDelivery(ctx, id)
		if err != nil || last.Data.Type == event.DeliveryRequested {
			return err
		}
		if err := a.refuseDisabled(ctx, last.Data.URL); err != nil {
			return err
		}
		if _, err = a.appendRequested(ctx, last); !errors.Is(err, bus.ErrConflict) || ctx.Err() != nil {
			return err
		}
	}
}

// appendRequested writes the request behind the delivery's last event, and returns its sequence.
func (a *api) appendRequested(ctx context.Context, last bus.DeliveryRecord) (uint64, error) {
	d := last.Data
	d.Type, d.NextAt, d.Before, d.Previous = event.DeliveryRequested, nil, d.Attempts, last.Sequence
	return a.bus.AppendDelivery(ctx, a.writer.Delivery(event.NotBefore(a.bus.Now(ctx), last.Time), d), last.Sequence)
}
