package notifier

import (
	"context"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/google/uuid"
)

// try makes one POST to a URL that somebody wants to test: signed and guarded as every other, with a run that never was.
// Whatever comes of it changes no endpoint and is not kept.
func (c *courier) try(ctx context.Context, url string) event.DeliveryAttempt {
	at, began := c.Bus.Now(ctx), time.Now()
	request := event.Request{
		Prompt: "This is a test of your webhook. There is no such run.", Provider: "openai", ResponseFormat: "text", WebhookURL: url, CreatedAt: at,
	}
	end := event.Snapshot{State: event.StateSucceeded, Result: []byte(`"hello"`), FinishedAt: &at}
	body, err := event.Present(0, request, end, nil).JSON()
	if err != nil {
		return event.DeliveryAttempt{At: at, Class: event.ClassBody, Error: err.Error()}
	}
	a := c.post(ctx, event.DeliveryData{ID: event.DeliveryID("test_" + uuid.NewString()), URL: url}, at, body)
	made := a.attempt(at, time.Since(began))
	made.Number = 1
	return made
}
