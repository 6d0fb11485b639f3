package event

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// DeliveryType is the kind of a delivery event.
type DeliveryType string

// The events of a delivery: created comes first; after delivered and exhausted only requested follows.
const (
	DeliveryCreated   DeliveryType = "created"   // a terminal run has a webhook to be told
	DeliveryAttempted DeliveryType = "attempted" // a POST failed, another is scheduled
	DeliveryHeld      DeliveryType = "held"      // its endpoint is disabled: no POST is made until one is requested
	DeliveryRequested DeliveryType = "requested" // somebody asked for it to be sent again, now
	DeliveryDelivered DeliveryType = "delivered" // a POST was answered 2xx
	DeliveryExhausted DeliveryType = "exhausted" // no POST is left, or the receiver said that it is gone
)

// Final reports whether no POST follows an event of this type, unless one is requested.
func (t DeliveryType) Final() bool { return t == DeliveryDelivered || t == DeliveryExhausted }

// Scheduled reports whether a POST that the bus has armed may follow an event of this type.
func (t DeliveryType) Scheduled() bool { return t == DeliveryCreated || t == DeliveryAttempted }

// State is the state of a delivery after an event of this type and that many POSTs, as callers see it.
func (t DeliveryType) State(attempts int) WebhookState {
	switch t {
	case DeliveryHeld:
		return WebhookHeld
	case DeliveryDelivered:
		return WebhookDelivered
	case DeliveryExhausted:
		return WebhookExhausted
	}
	if attempts > 0 {
		return WebhookRetrying
	}
	return WebhookPending
}

// DeliveryID names a webhook to be delivered; it is the webhook-id header, the same over all attempts.
type DeliveryID string

// DeliveryOf is the delivery of a run's terminal event.
func DeliveryOf(run RunID) DeliveryID { return DeliveryID("dlv_" + run.String()) }

// DeliveryRun is the run that a delivery is about; ok is false if id is not the id of a delivery.
func DeliveryRun(id DeliveryID) (run RunID, ok bool) {
	digits, found := strings.CutPrefix(string(id), "dlv_")
	n, err := strconv.ParseInt(digits, 10, 64)
	return RunID(n), found && err == nil && n > 0 && DeliveryOf(RunID(n)) == id
}

// DeliveryEvent is one event of a delivery: webhook.v1.evt.DELIVERY.TYPE.
type DeliveryEvent = Event[DeliveryData]

// DeliveryData is the state of a delivery after an event.
type DeliveryData struct {
	ID       DeliveryID       `json:"delivery_id"`
	Task     TaskID           `json:"task_id"`
	Run      RunID            `json:"task_run_id"`
	Type     DeliveryType     `json:"state"`
	URL      string           `json:"url"`
	Attempts int              `json:"attempts"`                  // POSTs made so far
	Before   int              `json:"attempts_before,omitempty"` // those made before the last request: the schedule begins anew with it
	Last     *DeliveryAttempt `json:"last_attempt"`              // null before the first
	NextAt   *time.Time       `json:"next_attempt_at"`
	Previous uint64           `json:"previous_sequence"` // sequence in WEBHOOKS of the event before it, 0 for created
}

// DeliveryAttempt is one POST and what came of it.
type DeliveryAttempt struct {
	Number     int       `json:"number"`
	At         time.Time `json:"at"`
	DurationMS int64     `json:"duration_ms"`
	StatusCode int       `json:"status_code"`     // 0 if there was no answer
	Class      Class     `json:"class,omitempty"` // why it failed; empty if it did not
	Error      string    `json:"error,omitempty"`
	Response   string    `json:"response,omitempty"` // the beginning of the answer's body
}

// Class is why a POST failed.
type Class string

// The classes of failures. There are no others.
const (
	ClassDNS      Class = "dns"             // the host's name has no address
	ClassRefused  Class = "refused"         // no connection: refused, or no route to the host
	ClassReset    Class = "reset"           // the connection was closed before an answer came
	ClassTimeout  Class = "timeout"         // no answer in time
	ClassTLS      Class = "tls"             // no secure connection: a bad certificate, or no TLS at all
	ClassRedirect Class = "redirect"        // an answer that leads elsewhere, which is not followed
	ClassBlocked  Class = "blocked_address" // the address may not be reached: private, or Errand's own
	ClassStatus   Class = "status"          // an answer with a status other than 2xx and 3xx
	ClassBody     Class = "body"            // what was answered could not be read as HTTP
)

// Classes lists every class.
func Classes() []Class {
	return []Class{
		ClassDNS, ClassRefused, ClassReset, ClassTimeout, ClassTLS, ClassRedirect, ClassBlocked, ClassStatus, ClassBody,
	}
}

// WebhookState is what became of a run's webhook, as callers see it.
type WebhookState string

// The states of a webhook.
const (
	WebhookPending   WebhookState = "pending"   // no POST has been answered or has failed yet
	WebhookRetrying  WebhookState = "retrying"  // POSTs have failed, another follows
	WebhookDelivered WebhookState = "delivered" // the receiver has it
	WebhookExhausted WebhookState = "exhausted" // given up
	WebhookHeld      WebhookState = "held"      // its endpoint is disabled
)

// WebhookStates lists every state.
func WebhookStates() []WebhookState {
	return []WebhookState{WebhookPending, WebhookRetrying, WebhookDelivered, WebhookExhausted, WebhookHeld}
}

// Webhook is a run's webhook as callers see it. In the body of a webhook itself it is always pending: the body is the
// same in all its POSTs.
type Webhook struct {
	_         struct{}     `nullable:"true"` // for the API document: a field of this type may be null
	State     WebhookState `json:"state" enum:"pending,retrying,delivered,exhausted,held" doc:"pending: not tried yet; retrying: failed, another try follows; exhausted: given up; held: its endpoint is disabled"`
	Attempts  int          `json:"attempts" doc:"How often it was sent"`
	LastError *string      `json:"last_error" nullable:"true" doc:"Why the last try failed; null: it did not"`
	NextAt    *time.Time   `json:"next_attempt_at" nullable:"true"`
}

// State is the delivery's state as callers see it.
func (d DeliveryData) State() WebhookState { return d.Type.State(d.Attempts) }

// Webhook is the delivery as callers of the API see it.
func (d DeliveryData) Webhook() *Webhook {
	w := &Webhook{State: d.State(), Attempts: d.Attempts, NextAt: d.NextAt}
	if d.Last != nil && d.Last.Error != "" {
		w.LastError = &d.Last.Error
	}
	return w
}

// Delivery makes a delivery's event of type data.Type. Its id is deterministic in delivery, type and attempt; one that
// is not about an attempt may come several times, each after another event.
func (w Writer) Delivery(at time.Time, data DeliveryData) DeliveryEvent {
	id := fmt.Sprintf("%s.%s.%d", data.ID, data.Type, data.Attempts)
	if data.Type == DeliveryHeld || data.Type == DeliveryRequested {
		id = fmt.Sprintf("%s.%s.after.%d", data.ID, data.Type, data.Previous)
	}
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
