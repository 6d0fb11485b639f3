package gateway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
)

// endpointView is a receiver of webhooks, as callers see it.
type endpointView struct {
	ID           event.EndpointID      `json:"id"`
	Scheme       string                `json:"scheme"`
	Host         string                `json:"host"`
	Port         int                   `json:"port"`
	Path         string                `json:"path"`
	State        string                `json:"state" enum:"active,failing,disabled" doc:"failing: nothing has succeeded since failing_since; disabled: deliveries to it are held"`
	FailingSince *time.Time            `json:"failing_since" nullable:"true"`
	DisabledAt   *time.Time            `json:"disabled_at" nullable:"true"`
	Reason       *event.EndpointReason `json:"reason" nullable:"true" enum:"gone,failing" doc:"Why it is disabled. gone: it answered 410; failing: for five days nothing has succeeded"`
	Deliveries   deliveryCounts        `json:"deliveries" doc:"How many deliveries to it are in each state"`
}

type deliveryCounts struct {
	Pending   int `json:"pending"`
	Retrying  int `json:"retrying"`
	Delivered int `json:"delivered"`
	Exhausted int `json:"exhausted"`
	Held      int `json:"held"`
}

func viewEndpoint(e seenEndpoint) endpointView {
	v := endpointView{
		ID: e.ID, Scheme: e.Scheme, Host: e.Host, Port: e.Port, Path: e.Path, State: "active", FailingSince: e.FailingSince,
		Deliveries: deliveryCounts{
			Pending: e.counts[event.WebhookPending], Retrying: e.counts[event.WebhookRetrying], Delivered: e.counts[event.WebhookDelivered],
			Exhausted: e.counts[event.WebhookExhausted], Held: e.counts[event.WebhookHeld],
		},
	}
	switch e.Type {
	case event.EndpointFailing:
		v.State = "failing"
	case event.EndpointDisabled:
		v.State, v.DisabledAt, v.Reason = "disabled", e.DisabledAt, &e.Reason
	}
	return v
}

func (a *api) endpointOperations(h huma.API, operation func(method, path, id, summary string) huma.Operation) {
	huma.Register(h, operation(http.MethodGet, "/api/endpoints", "list-endpoints", "List the receivers of webhooks"), a.listEndpoints)
	enable := operation(http.MethodPost, "/api/endpoints/{endpoint_id}/enable", "enable-endpoint", "Enable an endpoint that was disabled")
	enable.Description = "Later deliveries are sent to it again. Those that are held stay so: POST /api/deliveries/redrive sends them."
	huma.Register(h, enable, a.enableEndpoint)
	a.redriveOperations(h, operation)
	a.webhookTestOperation(h, operation)
}

type listEndpointsInput struct {
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200" doc:"How many at most"`
	Host  string `query:"host" maxLength:"260" doc:"Only those at this host, or host:port"`
	State string `query:"state" enum:"active,failing,disabled" doc:"Only those in this state"`
}

type listEndpointsOutput struct {
	Body struct {
		Endpoints []endpointView `json:"endpoints" nullable:"false"`
	}
}

// listEndpoints lists every address that a delivery has been made for, the disabled ones first.
func (a *api) listEndpoints(ctx context.Context, in *listEndpointsInput) (*listEndpointsOutput, error) {
	patient, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	if err := a.receivers.complete(patient); err != nil {
		return nil, problem(err, "the list")
	}
	out := &listEndpointsOutput{}
	out.Body.Endpoints = a.receivers.list(in.Host, in.State)
	out.Body.Endpoints = out.Body.Endpoints[:min(len(out.Body.Endpoints), in.Limit)]
	return out, nil
}

// list is every endpoint that matches: the disabled ones, those that fail, the others, each by host and path.
func (x *receivers) list(host, state string) []endpointView {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := []endpointView{}
	for _, e := range x.endpoints {
		v := viewEndpoint(*e)
		atHost := host == "" || strings.EqualFold(host, e.Host) || strings.EqualFold(host, e.HostPort())
		if atHost && (state == "" || state == v.State) {
			list = append(list, v)
		}
	}
	order := []string{"disabled", "failing", "active"}
	slices.SortFunc(list, func(a, b endpointView) int {
		if a.State != b.State {
			return slices.Index(order, a.State) - slices.Index(order, b.State)
		}
		return strings.Compare(a.Host+a.Path+string(a.ID), b.Host+b.Path+string(b.ID))
	})
	return list
}

type endpointInput struct {
	ID event.EndpointID `path:"endpoint_id" pattern:"^ep_[0-9a-f]{16}$" doc:"The ID of the endpoint"`
}

type endpointOutput struct {
	Body endpointView
}

// enableEndpoint ends that an endpoint is disabled. Its five days begin anew.
func (a *api) enableEndpoint(ctx context.Context, in *endpointInput) (*endpointOutput, error) {
	what := "endpoint " + string(in.ID)
	for {
		last, err := a.bus.Endpoint(ctx, in.ID)
		sequence := last.Sequence
		if err == nil && last.Data.Type == event.EndpointDisabled {
			d := last.Data
			d.Type, d.FailingSince, d.FailingAgain, d.DisabledAt, d.Reason = event.EndpointEnabled, nil, nil, nil, ""
			d.Previous = last.Sequence
			sequence, err = a.bus.PutEndpoint(ctx, a.writer.Endpoint(event.NotBefore(a.bus.Now(ctx), last.Time), d), last.Sequence)
		}
		if errors.Is(err, bus.ErrConflict) && ctx.Err() == nil {
			continue
		}
		if err != nil && !errors.Is(err, bus.ErrNotFound) { // not found: it has never failed, or does not exist
			return nil, problem(err, what)
		}
		return a.shownEndpoint(ctx, in.ID, sequence)
	}
}

// shownEndpoint is an endpoint as it is once the message at the sequence has been seen.
func (a *api) shownEndpoint(ctx context.Context, id event.EndpointID, sequence uint64) (*endpointOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	err := a.receivers.complete(ctx)
	if err == nil {
		err = a.receivers.await(ctx, sequence)
	}
	if err != nil {
		return nil, problem(err, "endpoint "+string(id))
	}
	a.receivers.mu.Lock()
	defer a.receivers.mu.Unlock()
	e := a.receivers.endpoints[id]
	if e == nil {
		return nil, huma.Error404NotFound("endpoint " + string(id) + " does not exist")
	}
	return &endpointOutput{viewEndpoint(*e)}, nil
}

// refuseDisabled answers whoever wants something sent to an endpoint that is disabled.
func (a *api) refuseDisabled(ctx context.Context, url string) error {
	address, _ := event.AddressOf(url)
	e, err := a.bus.EndpointOf(ctx, address)
	if err == nil && e.Data.Type == event.EndpointDisabled {
		return huma.Error409Conflict("its endpoint is disabled: enable it with POST /api/endpoints/" + string(address.ID()) + "/enable, then send it again")
	}
	return err
}
