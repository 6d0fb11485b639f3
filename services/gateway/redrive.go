package gateway

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/google/uuid"
)

// redriveWindow is how many deliveries of one endpoint a redrive asks for ahead of their POSTs: an endpoint that comes
// back gets as much as it can take, and no flood.
const redriveWindow = 16

func (a *api) redriveOperations(h huma.API, operation func(method, path, id, summary string) huma.Operation) {
	start := operation(http.MethodPost, "/api/deliveries/redrive", "redrive", "Send many webhooks again")
	start.Description = "Begins to send again, oldest first, every delivery that is selected now, each as POST /api/deliveries/{delivery_id}/redeliver does. " +
		"Those of an endpoint that is disabled are left out. dry_run: true shows what would be sent, and sends nothing. " +
		"GET /api/deliveries/redrive/{redrive_id} shows its progress."
	huma.Register(h, start, a.redrive)
	const one = "/api/deliveries/redrive/{redrive_id}"
	huma.Register(h, operation(http.MethodGet, one, "get-redrive", "Get the progress of a redrive"), a.getRedrive)
	huma.Register(h, operation(http.MethodPost, one+"/cancel", "cancel-redrive", "Cancel a redrive"), a.cancelRedrive)
}

type redriveInput struct {
	Body struct {
		_      struct{}            `additionalProperties:"false"`
		Host   *string             `json:"host,omitempty" nullable:"true" maxLength:"260" doc:"Only deliveries to this host, or host:port"`
		State  *event.WebhookState `json:"state,omitempty" nullable:"true" enum:"retrying,delivered,exhausted,held" doc:"Only those in this state; exhausted and held if it is not given"`
		Since  *time.Time          `json:"since,omitempty" nullable:"true" doc:"Only those that were made at this time or later"`
		DryRun bool                `json:"dry_run,omitempty" doc:"Only show what would be sent"`
	}
}

// redriveView is a redrive, or the plan of one, as callers see it.
type redriveView struct {
	ID        *string            `json:"id" nullable:"true" doc:"null: it is only a plan"`
	State     string             `json:"state" enum:"planned,running,done,canceled"`
	Count     int                `json:"count" doc:"How many deliveries are sent again"`
	Done      int                `json:"done" doc:"How many of them have been asked for, or need it no more"`
	Oldest    *time.Time         `json:"oldest" nullable:"true" doc:"When the oldest that is left was made"`
	Endpoints []redrivenEndpoint `json:"endpoints" nullable:"false" doc:"Where those that are left go to"`
	Skipped   []redrivenEndpoint `json:"skipped" nullable:"false" doc:"Endpoints that are disabled: theirs are left out, and not counted"`
}

type redrivenEndpoint struct {
	ID    event.EndpointID `json:"id"`
	Host  string           `json:"host" doc:"host:port"`
	Path  string           `json:"path"`
	Count int              `json:"count"`
}

type redriveOutput struct {
	Body redriveView
}

// redrive plans a redrive, and begins it unless only the plan is wanted.
func (a *api) redrive(ctx context.Context, in *redriveInput) (*redriveOutput, error) {
	patient, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	if err := a.receivers.complete(patient); err != nil {
		return nil, problem(err, "the redrive")
	}
	r := event.Redrive{ID: uuid.NewString(), State: event.RedriveRunning, CreatedAt: a.bus.Now(ctx)}
	r.Selection.State = []event.WebhookState{event.WebhookExhausted, event.WebhookHeld}
	if b := in.Body; b.State != nil {
		r.Selection.State = []event.WebhookState{*b.State}
	}
	if in.Body.Host != nil {
		r.Host = *in.Body.Host
	}
	if in.Body.Since != nil {
		r.Since = *in.Body.Since
	}
	r.UpTo = a.receivers.newestSeen()
	plan := a.receivers.left(r)
	r.Count = len(plan.deliveries)
	out := &redriveOutput{viewRedrive(r, plan)}
	if in.Body.DryRun {
		out.Body.ID, out.Body.State = nil, "planned"
		return out, nil
	}
	if _, err := a.bus.PutRedrive(ctx, a.writer.Redrive(r.CreatedAt, r), 0); err != nil {
		return nil, problem(err, "the redrive")
	}
	return out, nil
}

// left is what there is still to do of a redrive.
type left struct {
	deliveries []seenDelivery // oldest first
	endpoints  map[event.EndpointID]*redrivenEndpoint
	skipped    map[event.EndpointID]*redrivenEndpoint
}

// left finds the deliveries that the redrive selects and that nothing has happened to since it began.
func (x *receivers) left(r event.Redrive) left {
	x.mu.Lock()
	defer x.mu.Unlock()
	l := left{endpoints: map[event.EndpointID]*redrivenEndpoint{}, skipped: map[event.EndpointID]*redrivenEndpoint{}}
	f := deliveryFilter{Selection: r.Selection}
	for _, run := range x.order {
		d := x.deliveries[run]
		if d.last > r.UpTo || !f.matches(*d) {
			continue
		}
		in := l.endpoints
		if d.endpoint.Type == event.EndpointDisabled {
			in = l.skipped
		} else {
			l.deliveries = append(l.deliveries, *d)
		}
		e := in[d.endpoint.ID]
		if e == nil {
			e = &redrivenEndpoint{ID: d.endpoint.ID, Host: d.endpoint.HostPort(), Path: d.endpoint.Path}
			in[e.ID] = e
		}
		e.Count++
	}
	return l
}

func viewRedrive(r event.Redrive, l left) redriveView {
	v := redriveView{ID: &r.ID, State: string(r.State), Count: r.Count, Done: max(0, r.Count-len(l.deliveries)), Endpoints: sorted(l.endpoints), Skipped: sorted(l.skipped)}
	for _, d := range l.deliveries {
		if v.Oldest == nil || d.made.Before(*v.Oldest) {
			v.Oldest = &d.made
		}
	}
	return v
}

// sorted gives the endpoints with the most deliveries first.
func sorted(m map[event.EndpointID]*redrivenEndpoint) []redrivenEndpoint {
	list := []redrivenEndpoint{}
	for _, e := range m {
		list = append(list, *e)
	}
	slices.SortFunc(list, func(a, b redrivenEndpoint) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
	return list
}

func (x *receivers) newestSeen() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.seen
}

type oneRedriveInput struct {
	ID string `path:"redrive_id" pattern:"^[0-9a-f-]{36}$" doc:"The ID of the redrive"`
}

func (a *api) getRedrive(ctx context.Context, in *oneRedriveInput) (*redriveOutput, error) {
	patient, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	r, _, err := a.bus.Redrive(ctx, in.ID)
	if err == nil {
		err = a.receivers.complete(patient)
	}
	if err != nil {
		return nil, problem(err, "redrive "+in.ID)
	}
	return &redriveOutput{viewRedrive(r, a.receivers.left(r))}, nil
}

// cancelRedrive ends a redrive. What has been asked for already is sent.
func (a *api) cancelRedrive(ctx context.Context, in *oneRedriveInput) (*redriveOutput, error) {
	r, sequence, err := a.bus.Redrive(ctx, in.ID)
	if err == nil && r.State == event.RedriveRunning {
		err = a.endRedrive(ctx, r, sequence, event.RedriveCanceled)
	}
	if err != nil && !errors.Is(err, bus.ErrConflict) { // a conflict: it has ended meanwhile
		return nil, problem(err, "redrive "+in.ID)
	}
	return a.getRedrive(ctx, in)
}

func (a *api) endRedrive(ctx context.Context, r event.Redrive, after uint64, how event.RedriveState) error {
	r.State, r.Previous = how, after
	_, err := a.bus.PutRedrive(ctx, a.writer.Redrive(event.NotBefore(a.bus.Now(ctx), r.CreatedAt), r), after)
	return err
}

// redriving does what there is to do of every redrive, until ctx ends. Each gateway does: whatever two of them ask for at
// once is one request, and what one leaves undone the next finds.
func (a *api) redriving(ctx context.Context) error {
	select {
	case <-a.receivers.caughtUp:
	case <-ctx.Done():
		return nil
	}
	for ctx.Err() == nil {
		running, grown := a.receivers.running()
		wait := time.Minute
		for _, r := range running {
			if err := a.redriveOn(ctx, r); err != nil && ctx.Err() == nil {
				a.log.Warn("redrive webhooks", "redrive_id", r.ID, "error", err)
				wait = time.Second
			}
		}
		select {
		case <-grown:
		case <-time.After(wait): // if something failed
		case <-ctx.Done():
		}
	}
	return nil
}

// running is the redrives at work, and what is closed when the index changes after that.
func (x *receivers) running() ([]event.Redrive, <-chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Collect(maps.Values(x.redrives)), x.grown
}

// redriveOn asks for as many deliveries of a redrive as their endpoints may have at once, and ends it after the last.
func (a *api) redriveOn(ctx context.Context, r event.Redrive) error {
	l := a.receivers.left(r)
	if len(l.deliveries) == 0 {
		return a.finishRedrive(ctx, r.ID)
	}
	var newest uint64
	taken := map[event.EndpointID]int{}
	for _, d := range l.deliveries {
		if taken[d.endpoint.ID]+a.receivers.askedOf(d.endpoint) >= redriveWindow {
			continue
		}
		sequence, err := a.requestUnchanged(ctx, d)
		if err != nil {
			return err
		}
		taken[d.endpoint.ID]++
		newest = max(newest, sequence)
	}
	ctx, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	return a.receivers.await(ctx, newest)
}

// finishRedrive ends a redrive that has nothing left to do.
func (a *api) finishRedrive(ctx context.Context, id string) error {
	r, sequence, err := a.bus.Redrive(ctx, id)
	if err == nil && r.State == event.RedriveRunning {
		err = a.endRedrive(ctx, r, sequence, event.RedriveDone)
	}
	if errors.Is(err, bus.ErrConflict) { // canceled, or ended by another gateway
		return nil
	}
	return err
}

// askedOf is how many deliveries of an endpoint have been requested and not sent yet.
func (x *receivers) askedOf(e *seenEndpoint) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return e.asked
}

// requestUnchanged asks for a delivery to be sent again if it is still as it was seen. The sequence is that of its last
// event.
func (a *api) requestUnchanged(ctx context.Context, d seenDelivery) (sequence uint64, err error) {
	last, err := a.bus.LastDelivery(ctx, event.DeliveryOf(d.run))
	if errors.Is(err, bus.ErrNotFound) {
		a.receivers.forget(d.run)
		return 0, nil
	}
	if err != nil || last.Sequence != d.last {
		return last.Sequence, err
	}
	sequence, err = a.appendRequested(ctx, last)
	if errors.Is(err, bus.ErrConflict) {
		return 0, nil
	}
	return sequence, err
}
