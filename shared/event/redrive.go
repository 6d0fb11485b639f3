package event

import (
	"fmt"
	"time"
)

// RedriveState is where a redrive stands.
type RedriveState string

// The states of a redrive.
const (
	RedriveRunning  RedriveState = "running"
	RedriveDone     RedriveState = "done"
	RedriveCanceled RedriveState = "canceled"
)

// Selection names deliveries. Zero values select all.
type Selection struct {
	Host  string         `json:"host,omitempty"` // a host, or host:port
	State []WebhookState `json:"state"`
	Since time.Time      `json:"since,omitzero"` // only those that were made at or after it
}

// Redrive sends again many deliveries: those that the selection names and nothing has happened to since UpTo. What is
// left of it follows from that, whoever does it and however often it is begun.
type Redrive struct {
	ID        string `json:"redrive_id"`
	Selection `json:"selection"`
	UpTo      uint64       `json:"up_to_sequence"` // in WEBHOOKS
	Count     int          `json:"count"`          // of the deliveries at its beginning
	State     RedriveState `json:"state"`
	CreatedAt time.Time    `json:"created_at"`
	Previous  uint64       `json:"previous_sequence"` // sequence in WEBHOOKS of the event before it, 0 for none
}

// RedriveEvent is one event of a redrive: webhook.v1.redrive.REDRIVE.
type RedriveEvent = Event[Redrive]

// Redrive makes a redrive's event of type data.State.
func (w Writer) Redrive(at time.Time, data Redrive) RedriveEvent {
	e := envelope(w, fmt.Sprintf("%s.%s", data.ID, data.State), "errand.redrive."+string(data.State), at, Key{}, data)
	e.Subject = "redrives/" + data.ID
	return e
}

// RedriveSubject is where a redrive's last event is stored: webhook.v1.redrive.REDRIVE.
func RedriveSubject(id string) string { return "webhook.v1.redrive." + id }
