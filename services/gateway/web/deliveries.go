package web

import (
	"time"

	"github.com/errand-run/errand/shared/event"
)

// Deliveries is the data of the page deliveries.
type Deliveries struct {
	Deliveries []Delivery
	Trouble    []Endpoint         // those that are disabled or fail
	State      event.WebhookState // the filters, zero for none
	Host       string
	States     []event.WebhookState
	Next       string // the query string of the page that follows, empty for none
}

// Delivery is a webhook with what came of its last attempt.
type Delivery struct {
	Run       event.RunID
	URL       string
	State     event.WebhookState
	Attempts  int
	Error     string // of the last attempt, empty if it did not fail
	UpdatedAt time.Time
}

// Endpoint is a receiver of webhooks that needs attention.
type Endpoint struct {
	Address, State string
	Since          time.Time
	Held           int
}
