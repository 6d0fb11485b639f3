package notifier

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/service"
)

// courier makes deliveries and carries them to their receivers.
type courier struct {
	service.Frame
	Config  Config
	client  *http.Client
	writer  event.Writer
	metrics metrics
	inHand  *slots // by delivery: of two messages that ask for the same POST, one gets it
	hosts   *slots // by receiver: a slow one holds its own deliveries and no others
}

func (s *Service) courier() *courier {
	return &courier{
		Frame: s.Frame, Config: s.Config, client: newClient(s.Config, slices.Concat(s.Config.Own, s.Own)),
		writer:  event.Writer{Service: "notifier", Instance: s.Frame.Instance},
		metrics: newMetrics(s.Frame.Metrics), inHand: newSlots(1), hosts: newSlots(parallelPerHost),
	}
}

// create handles a terminal event: it makes the delivery of a run that names a webhook_url.
func (c *courier) create(ctx context.Context, m bus.Message) error {
	info, ok := event.ParseSubject(m.Subject)
	if !ok {
		return bus.Terminal(errors.New("no subject of a run"))
	}
	last, err := c.Bus.Last(ctx, info.Key)
	if errors.Is(err, bus.ErrNotFound) || err == nil && last.Sequence != m.Sequence {
		return bus.Terminal(fmt.Errorf("the event at %d does not follow the log of run %s", m.Sequence, info.Key))
	}
	if err != nil {
		return err
	}
	req, err := c.Bus.Request(ctx, info.Key.Run)
	if errors.Is(err, bus.ErrNotFound) {
		return bus.Terminal(err)
	}
	if err != nil || req.WebhookURL == "" {
		return err
	}
	d := event.DeliveryData{
		ID: event.DeliveryOf(info.Key.Run), Task: info.Key.Task, Run: info.Key.Run,
		Type: event.DeliveryCreated, URL: req.WebhookURL,
	}
	_, err = c.Bus.AppendDelivery(ctx, c.writer.Delivery(c.Bus.Now(ctx), d), 0)
	if errors.Is(err, bus.ErrConflict) {
		return nil // it was made when this message came the first time
	}
	return err
}

// deliver handles a message that asks for a POST. The outcome is written before the message is settled, so a notifier
// that is killed between the two, or before the outcome is stored, leaves the message to another. In the first case the
// other finds the outcome on the log and makes sure that the retry is armed; in the second it repeats the POST, with
// the same webhook-id: no order of writes can spare a receiver that.
func (c *courier) deliver(ctx context.Context, m bus.Message) error {
	due, err := bus.DueDelivery(m)
	if err != nil {
		return bus.Terminal(err)
	}
	leave, ok := c.inHand.enter(ctx, string(due.ID))
	if !ok {
		return bus.Later(time.Second)
	}
	defer leave()
	last, err := c.Bus.LastDelivery(ctx, due.ID)
	switch {
	case errors.Is(err, bus.ErrNotFound): // removed together with its run
		return nil
	case err != nil:
		return err
	case last.Data.Type.Final(), last.Data.Type == event.DeliveryHeld:
		return nil
	case last.Data.Type == event.DeliveryRequested && last.Sequence != due.After:
		return nil // the request has a message of its own
	case last.Data.Type == event.DeliveryAttempted && last.Sequence != due.After:
		return c.arm(ctx, last, *last.Data.NextAt)
	}
	leave, ok = c.hosts.enter(ctx, host(last.Data.URL))
	if !ok {
		return c.queue(ctx, m, last)
	}
	defer leave()
	return c.attempt(ctx, last)
}

// queue brings a delivery back whose receiver has no slot free: soon, the first times. A receiver that stays busy must
// not fill the consumer with messages that wait for it, so then the delivery's timer takes over, and the message waits
// as long again as it has waited.
func (c *courier) queue(ctx context.Context, m bus.Message, last bus.DeliveryRecord) error {
	const soon = 2
	if m.Delivered <= soon {
		return bus.Later(50*time.Millisecond<<m.Delivered + rand.N(50*time.Millisecond))
	}
	since := last.Time
	if last.Data.NextAt != nil {
		since = *last.Data.NextAt
	}
	now := c.Bus.Now(ctx)
	wait := min(max(now.Sub(since), time.Second), time.Minute)
	return c.arm(ctx, last, now.Add(jittered(wait)))
}

func (c *courier) arm(ctx context.Context, last bus.DeliveryRecord, at time.Time) error {
	err := c.Bus.ArmDelivery(ctx, last.Data.ID, at, last.Sequence)
	if errors.Is(err, bus.ErrConflict) {
		return nil // another outcome is on the log, and who wrote it arms what follows
	}
	return err
}

// attempt makes the POST that follows the delivery's last event, writes what came of it, and arms the next.
func (c *courier) attempt(ctx context.Context, last bus.DeliveryRecord) error {
	run, err := c.Bus.Run(ctx, last.Data.Run)
	if errors.Is(err, bus.ErrNotFound) {
		// It was made while its run was being erased, or by somebody else.
		c.Log.Warn("a delivery without a run is removed", "delivery_id", last.Data.ID, "run_id", last.Data.Run)
		return c.Bus.EraseDelivery(ctx, last.Data.ID)
	}
	if err != nil {
		return fmt.Errorf("read run %s: %w", last.Data.Run, err)
	}
	if !run.State.Terminal() || run.WebhookURL == nil || *run.WebhookURL != last.Data.URL {
		return bus.Terminal(fmt.Errorf("delivery %s is not what run %s asks for", last.Data.ID, last.Data.Run))
	}
	address, _ := event.AddressOf(last.Data.URL) // with one that cannot be read the POST fails
	endpoint, err := c.Bus.EndpointOf(ctx, address)
	if err != nil {
		return fmt.Errorf("read endpoint %s: %w", address.ID(), err)
	}
	if endpoint.Data.Type == event.EndpointDisabled {
		return c.hold(ctx, last)
	}
	body, err := run.JSON()
	if err != nil {
		return bus.Terminal(fmt.Errorf("encode run %s: %w", last.Data.Run, err))
	}
	return c.send(ctx, last, endpoint, body)
}

// send makes the POST and writes what came of it: of the endpoint first, so that whoever sees the outcome sees that, too.
func (c *courier) send(ctx context.Context, last bus.DeliveryRecord, endpoint bus.EndpointRecord, body []byte) error {
	at, began := event.NotBefore(c.Bus.Now(ctx), last.Time), time.Now()
	a := c.post(ctx, last.Data, at, body)
	if a.interrupted() {
		return a.err
	}
	took := time.Since(began)
	c.metrics.attempt(a, took)
	made := a.attempt(at, took)
	if err := c.examine(context.WithoutCancel(ctx), endpoint, made); err != nil {
		c.Log.Warn("store the state of an endpoint", "endpoint_id", endpoint.Data.ID, "error", err) // the next POST says the same
	}
	return c.record(ctx, last, func(d event.DeliveryData) event.DeliveryData {
		next, last := c.Config.after(d, a, at.Add(took)), made
		last.Number = next.Attempts
		next.Last = &last
		return next
	})
}

// record stores what came of the POST that follows last, and arms the retry that it speaks of. If somebody has asked
// for the delivery to be sent again while the POST was under way, then this POST was it.
func (c *courier) record(ctx context.Context, last bus.DeliveryRecord, outcome func(event.DeliveryData) event.DeliveryData) error {
	next := outcome(last.Data)
	next.Previous = last.Sequence
	seq, err := c.append(ctx, c.writer.Delivery(event.NotBefore(c.Bus.Now(ctx), next.Last.At), next), last.Sequence)
	if errors.Is(err, bus.ErrConflict) {
		now, err := c.Bus.LastDelivery(context.WithoutCancel(ctx), last.Data.ID)
		if err == nil && now.Data.Type == event.DeliveryRequested && now.Data.Previous == last.Sequence {
			return c.record(ctx, now, outcome)
		}
		return nil // another notifier made the same POST, because our message was taken for lost
	}
	if err != nil {
		return err
	}
	c.report(next)
	if next.Type.Final() {
		c.metrics.deliveries.WithLabelValues(string(next.Type)).Inc()
		return nil
	}
	stored := bus.DeliveryRecord{DeliveryEvent: event.DeliveryEvent{Data: next}, Sequence: seq}
	return c.arm(context.WithoutCancel(ctx), stored, *next.NextAt)
}

// append stores the event, and where the bus cannot, tries on until ctx ends: to give the message back instead would
// repeat a POST that was answered.
func (c *courier) append(ctx context.Context, e event.DeliveryEvent, after uint64) (uint64, error) {
	const pause = 500 * time.Millisecond
	for {
		seq, err := c.Bus.AppendDelivery(context.WithoutCancel(ctx), e, after)
		if err == nil || errors.Is(err, bus.ErrConflict) {
			return seq, err
		}
		c.Log.Warn("store the outcome of a webhook", "delivery_id", e.Data.ID, "error", err)
		select {
		case <-ctx.Done():
			return 0, err
		case <-time.After(pause):
		}
	}
}

// report writes the one line of an attempt.
func (c *courier) report(d event.DeliveryData) {
	line := c.Log.With("task_id", d.Task, "run_id", d.Run, "delivery_id", d.ID, "host", host(d.URL),
		"attempt", d.Last.Number, "status", d.Last.StatusCode, "duration_ms", d.Last.DurationMS)
	switch d.Type {
	case event.DeliveryDelivered:
		line.Info("webhook delivered")
	case event.DeliveryExhausted:
		line.Error("webhook given up", "error", d.Last.Error)
	default:
		line.Warn("webhook failed", "error", d.Last.Error, "next_attempt_at", d.NextAt)
	}
}

// host is the receiver that a URL names.
func host(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}
