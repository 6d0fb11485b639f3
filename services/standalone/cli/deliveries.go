package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/errand-run/errand/shared/event"
)

// delivery is what the commands read of a webhook's delivery.
type delivery struct {
	ID        event.DeliveryID   `json:"id"`
	TaskRunID event.RunID        `json:"task_run_id"`
	URL       string             `json:"url"`
	State     event.WebhookState `json:"state"`
	UpdatedAt time.Time          `json:"updated_at"`
	NextAt    *time.Time         `json:"next_attempt_at"`
	Attempts  []struct {
		Number     int
		Time       time.Time
		Status     *int
		DurationMS int64 `json:"duration_ms"`
		Class      string
		Error      string
	}
}

// problem is why the last attempt failed, empty if it did not.
func (d delivery) problem() string {
	if len(d.Attempts) == 0 {
		return ""
	}
	return d.Attempts[len(d.Attempts)-1].Error
}

type deliveriesCmd struct {
	ID    event.RunID  `arg:"" optional:"" name:"run" help:"Number of a run: show every attempt of its webhook."`
	State string       `placeholder:"STATE" help:"Only those in this state: pending, retrying, delivered, exhausted, held."`
	Host  string       `placeholder:"HOST" help:"Only those to this host, or host:port."`
	Task  event.TaskID `placeholder:"N" help:"Only those of runs of this task."`
	Limit int          `default:"20" help:"How many at most."`
	JSON  bool         `name:"json" help:"Print JSON."`
}

func (c *deliveriesCmd) Run(ctx context.Context, t *Terminal, s *server) error {
	var raw json.RawMessage
	if err := s.send(ctx, "GET", c.path(), nil, &raw); err != nil {
		return err
	}
	if c.JSON {
		printJSON(t.Out, raw)
		return nil
	}
	var list struct{ Deliveries []delivery }
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	if c.ID > 0 {
		return printAttempts(t, list.Deliveries)
	}
	w := tabwriter.NewWriter(t.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DELIVERY\tRUN\tSTATE\tATTEMPTS\tCHANGED\tURL\tLAST ERROR")
	for _, d := range list.Deliveries {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", d.ID, d.TaskRunID, d.State, len(d.Attempts),
			d.UpdatedAt.Local().Format(time.DateTime), clip(d.URL, 60), clip(firstLine(d.problem()), 80))
	}
	return w.Flush()
}

func (c *deliveriesCmd) path() string {
	if c.ID > 0 {
		return "/api/runs/" + c.ID.String() + "/deliveries"
	}
	q := url.Values{"limit": {strconv.Itoa(c.Limit)}}
	for name, value := range map[string]string{"state": c.State, "host": c.Host} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if c.Task > 0 {
		q.Set("task_id", c.Task.String())
	}
	return "/api/deliveries?" + q.Encode()
}

// printAttempts prints every attempt of deliveries.
func printAttempts(t *Terminal, deliveries []delivery) error {
	w := tabwriter.NewWriter(t.Out, 0, 0, 2, ' ', 0)
	for _, d := range deliveries {
		fmt.Fprintf(w, "%s is %s: %s\n", d.ID, d.State, d.URL)
		fmt.Fprintln(w, "ATTEMPT\tTIME\tSTATUS\tTOOK\tCLASS\tERROR")
		for _, a := range d.Attempts {
			status := "none"
			if a.Status != nil {
				status = strconv.Itoa(*a.Status)
			}
			fmt.Fprintf(w, "%d\t%s\t%s\t%d ms\t%s\t%s\n", a.Number, a.Time.Local().Format(time.DateTime), status, a.DurationMS, a.Class, clip(firstLine(a.Error), 100))
		}
		if d.NextAt != nil {
			fmt.Fprintf(w, "The next attempt is made at %s.\n", d.NextAt.Local().Format(time.DateTime))
		}
	}
	return w.Flush()
}

type redeliverCmd struct {
	IDs []string `arg:"" name:"delivery" help:"Deliveries, such as dlv_41, or the numbers of their runs."`
}

func (c *redeliverCmd) Run(ctx context.Context, t *Terminal, s *server) error {
	for _, id := range c.IDs {
		if n, err := strconv.ParseInt(id, 10, 64); err == nil {
			id = string(event.DeliveryOf(event.RunID(n)))
		}
		var d delivery
		if err := s.send(ctx, "POST", "/api/deliveries/"+url.PathEscape(id)+"/redeliver", map[string]any{}, &d); err != nil {
			return err
		}
		fmt.Fprintf(t.Out, "%s is sent again: \"errand deliveries %s\" shows what comes of it.\n", d.ID, d.TaskRunID)
	}
	return nil
}
