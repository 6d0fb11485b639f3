package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/errand-run/errand/shared/event"
	"github.com/nats-io/nats.go"
)

// A test of a webhook is a question to any notifier, over core NATS: nothing of it is stored.
const (
	webhookTestSubject = "webhookctl.v1.test"
	webhookTestGroup   = "webhook-notifier"
	parallelTests      = 4 // of one notifier
)

// ErrNobody says that no service is there to answer.
var ErrNobody = errors.New("no webhook-notifier is running")

// TestWebhook has a notifier make one POST to the URL. ErrNobody: there is none.
func (b *Bus) TestWebhook(ctx context.Context, url string) (a event.DeliveryAttempt, err error) {
	reply, err := b.nc.RequestWithContext(ctx, webhookTestSubject, []byte(url))
	if errors.Is(err, nats.ErrNoResponders) {
		return a, ErrNobody
	}
	if err != nil {
		return a, readErr("test a webhook", err)
	}
	return a, decode(reply.Data, webhookTestSubject, &a)
}

// AnswerWebhookTests answers TestWebhook with what test reports, until ctx ends. It returns nil.
func (b *Bus) AnswerWebhookTests(ctx context.Context, test func(ctx context.Context, url string) event.DeliveryAttempt) error {
	asked := make(chan *nats.Msg, 16*parallelTests)
	sub, err := b.nc.ChanQueueSubscribe(webhookTestSubject, webhookTestGroup, asked)
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", webhookTestSubject, err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	var work sync.WaitGroup
	for range parallelTests {
		work.Go(func() {
			for {
				select {
				case m := <-asked:
					b.answerTest(m, test(ctx, string(m.Data)))
				case <-ctx.Done():
					return
				}
			}
		})
	}
	work.Wait()
	return nil
}

func (b *Bus) answerTest(m *nats.Msg, a event.DeliveryAttempt) {
	reply, err := json.Marshal(a)
	if err == nil {
		err = m.Respond(reply)
	}
	if err != nil {
		b.log.Warn("answer a test of a webhook", "error", err)
	}
}
