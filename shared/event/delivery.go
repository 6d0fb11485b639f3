package event

import (
	"fmt"
	"strings"
	"time"
)

// DeliveryType is the kind of a delivery event.
type DeliveryType string

// The events of a delivery: one created, any number attempted, and one of the last two.
const (
	DeliveryCreated   DeliveryType = "created"   // a terminal run has a webhook to be told
	DeliveryAttempted DeliveryType = "attempted" // a POST failed, another is scheduled
	DeliveryDelivered DeliveryType = "delivered" // a POST was answered 2xx
	DeliveryExhausted DeliveryType = "exhausted" // no POST is left, or the receiver said that it is gone
)

// Final reports whether no POST follows an event of this type.
func (t DeliveryType) Final() bool { return t == DeliveryDelivered || t == DeliveryExhausted }

// DeliveryID names a webhook to be delivered; it is the webhook-id header, the same over all attempts.
type DeliveryID string

// DeliveryOf is the delivery of a run's terminal event.
func DeliveryOf(run RunID) DeliveryID { return DeliveryID("dlv_" + run.String()) }

// DeliveryEvent is one event of a delivery: webhook.v1.evt.DELIVERY.TYPE.
type DeliveryEvent = Event[DeliveryData]

// DeliveryData is the state of a delivery after an event.
type DeliveryData struct {
	ID       DeliveryID       `json:"delivery_id"`
	Task     TaskID           `json:"task_id"`
	Run      RunID            `json:"task_run_id"`
	Type     DeliveryType     `json:"state"`
	URL      string           `json:"url"`
	Attempts int              `json:"attempts"`     // POSTs made so far
	Last     *DeliveryAttempt `json:"last_attempt"` // null before the first
	NextAt   *time.Time       `json:"next_attempt_at"`
	Previous uint64           `json:"previous_sequence"` // sequence in WEBHOOKS of the event before it, 0 for created
}

// DeliveryAttempt is one POST and what came of it.
type DeliveryAttempt struct {
	Number     int       `json:"number"`
	At         time.Time `json:"at"`
	DurationMS int64     `json:"duration_ms"`
	StatusCode int       `json:"status_code"` // 0 where there was no answer
	Error      string    `json:"error,omitempty"`
	Response   string    `json:"response,omitempty"` // the beginning of the answer's body
}

// WebhookState is what became of a run's webhook, as callers see it.
type WebhookState string

// The states of a webhook.
const (
	WebhookPending   WebhookState = "pending"   // no POST has been answered or has failed yet
	WebhookRetrying  WebhookState = "retrying"  // POSTs have failed, another follows
	WebhookDelivered WebhookState = "delivered" // the receiver has it
	WebhookExhausted WebhookState = "exhausted" // given up
)

// Webhook is a run's webhook as callers see it. In the body of a webhook itself it is always pending: the body is the
// same in all its POSTs.
type Webhook struct {
	_         struct{}     `nullable:"true"` // for the API document: a field of this type may be null
	State     WebhookState `json:"state" enum:"pending,retrying,delivered,exhausted" doc:"pending: not tried yet; retrying: failed, another try follows; exhausted: given up"`
	Attempts  int          `json:"attempts" doc:"How often it was sent"`
	LastError *string      `json:"last_error" nullable:"true" doc:"Why the last try failed; null: it did not"`
	NextAt    *time.Time   `json:"next_attempt_at" nullable:"true"`
}

// Webhook is the delivery as callers of the API see it.
func (d DeliveryData) Webhook() *Webhook {
	w := &Webhook{State: WebhookPending, Attempts: d.Attempts, NextAt: d.NextAt}
	switch d.Type {
	case DeliveryAttempted:
		w.State = WebhookRetrying
	case DeliveryDelivered:
		w.State = WebhookDelivered
	case DeliveryExhausted:
		w.State = WebhookExhausted
	}
	if d.Last != nil && d.Last.Error != "" {
		w.LastError = &d.Last.Error
	}
	return w
}

// Delivery makes a delivery's event of type data.Type. Its id is deterministic in delivery, type and attempt.
func (w Writer) Delivery(at time.Time, data DeliveryData) DeliveryEvent {
	id := fmt.Sprintf("%s.%s.%d", data.ID, data.Type, data.Attempts)
	return envelope(w, id, "errand.delivery."+string(data.Type), at, Key{data.Task, data.Run}, data)
}

// DeliverySubject is where a delivery's event is stored: webhook.v1.evt.DELIVERY.TYPE.
func DeliverySubject(id DeliveryID, t DeliveryType) string {
	return "webhook.v1.evt." + string(id) + "." + string(t)
}

// DeliveryFilter matches the events of a delivery: webhook.v1.evt.DELIVERY.>. Its guards use it.
func DeliveryFilter(id DeliveryID) string { return "webhook.v1.evt." + string(id) + ".>" }

// DeliveryScheduleSubject holds the pending retry of a delivery: webhook.v1.sched.DELIVERY.
func DeliveryScheduleSubject(id DeliveryID) string { return "webhook.v1.sched." + string(id) }

// DeliveryDueSubject is where a delivery's retry falls due: webhook.v1.due.DELIVERY.
func DeliveryDueSubject(id DeliveryID) string { return deliveryDue + string(id) }

const deliveryDue = "webhook.v1.due."

// IsDeliveryDue reports whether the subject is that of a retry that fell due.
func IsDeliveryDue(subject string) bool { return strings.HasPrefix(subject, deliveryDue) }
