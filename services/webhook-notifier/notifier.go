// Package notifier tells receivers by webhook that a run is over. For each terminal event of a run whose request names
// a webhook_url it makes a delivery, and POSTs the run until the receiver has answered 2xx or the schedule is spent.
//
// A delivery is a log of its own in the stream WEBHOOKS: created, then attempted for each POST that failed, then
// delivered or exhausted. Retries are messages that the bus schedules, so the notifier keeps nothing: it can stop at
// any instant, and any number of them share the work. A run never waits for its webhook.
//
// A receiver gets each delivery at least once, in the format of Standard Webhooks: the header webhook-id is the same in
// all its POSTs, and so is the body.
package notifier

import (
	"context"

	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/service"
	"golang.org/x/sync/errgroup"
)

// How much is done at once.
const (
	parallelEnds    = 64  // terminal events being turned into deliveries: two requests to the bus each
	parallelPosts   = 512 // POSTs: a hundred receivers that all hang, each to its own cap, leave room for the others
	parallelPerHost = 4   // POSTs to one receiver: enough for 80 a second where it answers in 50 ms
)

// Service is the webhook notifier.
type Service struct {
	Frame  service.Frame
	Config Config
	// Own are the host:port of the platform's listeners that the process knows of: no webhook reaches them.
	Own []string
}

// Run makes and delivers webhooks until ctx ends. POSTs that have begun get a few seconds to end; what they leave
// undone the next notifier does. It returns nil after a graceful stop.
func (s *Service) Run(ctx context.Context) error {
	c := s.courier()
	defer c.client.CloseIdleConnections()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.Bus.Consume(ctx, bus.ConsumerTerminal, parallelEnds, c.create) })
	g.Go(func() error { return c.Bus.Consume(ctx, bus.ConsumerDelivery, parallelPosts, c.deliver) })
	g.Go(func() error { return c.Bus.AnswerWebhookTests(ctx, c.try) })
	return g.Wait()
}
