package event

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Address is the part of a webhook's URL that deliveries are counted by. What follows the path is left out: it often
// differs from run to run.
type Address struct {
	Scheme string `json:"scheme"`
	Host   string `json:"host"` // in lower case
	Port   int    `json:"port"`
	Path   string `json:"path"`
}

// AddressOf is the address in a webhook's URL; ok is false for a URL that no webhook can have.
func AddressOf(raw string) (a Address, ok bool) {
	u, err := url.Parse(raw)
	if err != nil {
		return Address{}, false
	}
	a = Address{Scheme: strings.ToLower(u.Scheme), Host: strings.ToLower(u.Hostname()), Path: u.EscapedPath()}
	if a.Path == "" {
		a.Path = "/"
	}
	switch {
	case u.Port() != "":
		a.Port, err = strconv.Atoi(u.Port())
	case a.Scheme == "https":
		a.Port = 443
	default:
		a.Port = 80
	}
	return a, err == nil && a.Host != "" && (a.Scheme == "http" || a.Scheme == "https")
}

// ID is the address's name in subjects and paths.
func (a Address) ID() EndpointID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s://%s%s", a.Scheme, a.HostPort(), a.Path))
	return EndpointID("ep_" + hex.EncodeToString(sum[:8]))
}

// HostPort is host:port.
func (a Address) HostPort() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }

// EndpointID names an endpoint: a receiver of webhooks, by its address.
type EndpointID string

// EndpointType is the kind of an endpoint event.
type EndpointType string

// The events of an endpoint. One without any has never failed.
const (
	EndpointFailing   EndpointType = "failing"   // a POST failed: since then nothing has succeeded
	EndpointRecovered EndpointType = "recovered" // a POST succeeded
	EndpointDisabled  EndpointType = "disabled"  // deliveries to it are held
	EndpointEnabled   EndpointType = "enabled"   // somebody has ended that
)

// EndpointReason is why an endpoint was disabled.
type EndpointReason string

// The reasons.
const (
	ReasonGone    EndpointReason = "gone"    // it answered 410
	ReasonFailing EndpointReason = "failing" // for days nothing has succeeded
)

// EndpointEvent is one event of an endpoint: webhook.v1.endpoint.ENDPOINT.
type EndpointEvent = Event[EndpointData]

// EndpointData is the state of an endpoint after an event. It holds nothing of a run: it outlives them.
type EndpointData struct {
	ID EndpointID `json:"endpoint_id"`
	Address
	Type         EndpointType     `json:"state"`
	FailingSince *time.Time       `json:"failing_since"`     // the first failure after the last success
	FailingAgain *time.Time       `json:"failing_again_at"`  // the first failure that came half a day or more after it
	DisabledAt   *time.Time       `json:"disabled_at"`       //
	Reason       EndpointReason   `json:"reason,omitempty"`  // why it is disabled
	Last         *EndpointAttempt `json:"last_attempt"`      // the POST that led to this state; null: none did
	Previous     uint64           `json:"previous_sequence"` // sequence in WEBHOOKS of the event before it, 0 for none
}

// EndpointAttempt is what an endpoint keeps of a POST.
type EndpointAttempt struct {
	At         time.Time `json:"at"`
	DurationMS int64     `json:"duration_ms"`
	StatusCode int       `json:"status_code"` // 0 if there was no answer
	Class      Class     `json:"class,omitempty"`
}

// Endpoint makes an endpoint's event of type data.Type.
func (w Writer) Endpoint(at time.Time, data EndpointData) EndpointEvent {
	id := fmt.Sprintf("%s.%s.after.%d", data.ID, data.Type, data.Previous)
	e := envelope(w, id, "errand.endpoint."+string(data.Type), at, Key{}, data)
	e.Subject = "endpoints/" + string(data.ID)
	return e
}

// EndpointSubject is where an endpoint's last event is stored: webhook.v1.endpoint.ENDPOINT.
func EndpointSubject(id EndpointID) string { return "webhook.v1.endpoint." + string(id) }
