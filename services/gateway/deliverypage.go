package gateway

import (
	"cmp"
	"strconv"

	"github.com/errand-run/errand/services/gateway/web"
	"github.com/errand-run/errand/shared/event"
	"github.com/gofiber/fiber/v2"
)

// troubleLength is how many endpoints that need attention the page shows.
const troubleLength = 20

// deliveriesPage is the list of deliveries, those of the newest runs first, below the endpoints that need attention.
func (p pages) deliveriesPage(c *fiber.Ctx) (web.Page, error) {
	before, _ := strconv.ParseInt(c.Query("cursor"), 10, 64)
	f := deliveryFilter{before: event.RunID(before)}
	data := web.Deliveries{State: event.WebhookState(c.Query("state")), Host: c.Query("host"), States: event.WebhookStates()}
	f.Host = data.Host
	if data.State != "" {
		f.State = []event.WebhookState{data.State}
	}
	list, more, err := p.deliveries(c.UserContext(), f, listLength)
	if err != nil {
		return web.Page{}, err
	}
	for _, d := range list {
		shown := web.Delivery{Run: d.TaskRunID, URL: d.URL, State: d.State, Attempts: len(d.Attempts), UpdatedAt: d.UpdatedAt}
		if n := len(d.Attempts); n > 0 && d.Attempts[n-1].Error != nil {
			shown.Error = *d.Attempts[n-1].Error
		}
		data.Deliveries = append(data.Deliveries, shown)
	}
	for _, e := range p.receivers.list(data.Host, "") {
		if e.State == "active" || len(data.Trouble) == troubleLength {
			break // they come first
		}
		t := web.Endpoint{Address: e.Scheme + "://" + e.Host + ":" + strconv.Itoa(e.Port) + e.Path, State: e.State, Held: e.Deliveries.Held}
		if since := cmp.Or(e.DisabledAt, e.FailingSince); since != nil {
			t.Since = *since
		}
		data.Trouble = append(data.Trouble, t)
	}
	if more {
		data.Next = following(c, list[len(list)-1].TaskRunID.String())
	}
	return web.Page{Name: "deliveries", Title: "Webhooks", Section: "deliveries", Data: data}, nil
}
