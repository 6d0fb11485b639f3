package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/errand-run/errand/services/standalone"
	"github.com/errand-run/errand/shared/event"
)

// choices are what a run may be told beside its prompt.
type choices struct {
	Provider string   `placeholder:"NAME" help:"Provider of the model: openai, deepseek, anthropic, google, groq, mistral, together."`
	Model    string   `placeholder:"NAME" help:"Model; the provider's default if it is not given."`
	Schema   string   `type:"existingfile" placeholder:"FILE" help:"File with the JSON Schema of the result."`
	Start    string   `placeholder:"URL" help:"Page that the browser opens first."`
	Webhook  string   `placeholder:"URL" help:"URL that gets a POST when the run has ended."`
	File     []string `type:"existingfile" sep:"none" placeholder:"PATH" help:"File for the run to upload; may be repeated."`
	MaxSteps int      `placeholder:"N" help:"Steps that the agent may take."`
}

// body is the request that the choices make.
func (c choices) body(ctx context.Context, s *server) (map[string]any, error) {
	body := map[string]any{}
	for name, value := range map[string]string{"provider": c.Provider, "model": c.Model, "initial_url": c.Start, "webhook_url": c.Webhook} {
		if value != "" {
			body[name] = value
		}
	}
	if c.MaxSteps > 0 {
		body["max_steps"] = c.MaxSteps
	}
	if c.Schema != "" {
		schema, err := os.ReadFile(c.Schema)
		if err != nil {
			return nil, exit{ExitUsage, err.Error()}
		}
		if !json.Valid(schema) {
			return nil, exit{ExitUsage, c.Schema + " does not hold JSON"}
		}
		body["json_schema"] = json.RawMessage(schema)
	}
	files, err := s.upload(ctx, c.File)
	if files != nil {
		body["files"] = files
	}
	return body, err
}

// waiting says how a command that starts a run goes on.
type waiting struct {
	JSON   bool `name:"json" help:"Print the whole run as JSON instead of its result."`
	NoWait bool `help:"Print the number of the run and do not wait for its end."`
}

// begin starts a run and goes on as w says.
func (s *server) begin(ctx context.Context, t *Terminal, path string, body map[string]any, w waiting) error {
	body["wait_for_completion"] = false
	var r event.Run
	if err := s.send(ctx, "POST", path, body, &r); err != nil {
		return err
	}
	if w.NoWait {
		fmt.Fprintln(t.Out, *r.TaskRunID)
		return nil
	}
	fmt.Fprintf(t.Err, "Run %s: %s\n", r.TaskRunID, runURL(s, *r.TaskRunID))
	return s.await(ctx, t, *r.TaskRunID, w.JSON)
}

type runCmd struct {
	Prompt string `arg:"" help:"What the agent should do."`
	choices
	waiting
	Local bool `help:"Start a server of its own for the time of this run."`
}

func (c *runCmd) Run(ctx context.Context, t *Terminal, s *server) error {
	if c.Local {
		return local(ctx, t, func(s *server) error { return c.start(ctx, t, s) })
	}
	return c.start(ctx, t, s)
}

func (c *runCmd) start(ctx context.Context, t *Terminal, s *server) error {
	body, err := c.body(ctx, s)
	if err != nil {
		return err
	}
	body["prompt"] = c.Prompt
	return s.begin(ctx, t, "/api/runs", body, c.waiting)
}

// local runs a whole Errand on free ports for the time of do. Its data is deleted afterwards.
func local(ctx context.Context, t *Terminal, do func(*server) error) error {
	dir, err := os.MkdirTemp("", "errand-run-")
	if err != nil {
		return fmt.Errorf("make a directory for the data: %w", err)
	}
	defer os.RemoveAll(dir)
	cfg, err := standalone.LoadConfig(standalone.Overlay(t.Getenv, map[string]string{
		"ERRAND_ADDR": "127.0.0.1:0", "ERRAND_NATS_LISTEN": "off", "ERRAND_NATS_URL": "", "ERRAND_DATA_DIR": dir,
	}))
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx)) // it ends after do has, also when that was interrupted
	ready, ended := make(chan standalone.Address, 1), make(chan error, 1)
	service := standalone.Service{Config: cfg, Logger: quiet, Ready: func(at standalone.Address) { ready <- at }}
	go func() { ended <- service.Run(running) }()
	defer func() { stop(); <-ended }()
	select {
	case at := <-ready:
		return do(&server{url: "http://" + at.HTTP})
	case err := <-ended:
		ended <- nil // for the deferred receive
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

type watchCmd struct {
	ID   event.RunID `arg:"" name:"run" help:"Number of the run."`
	JSON bool        `name:"json" help:"Print each event of the run's log as a line of JSON."`
}

func (c *watchCmd) Run(ctx context.Context, t *Terminal, s *server) error {
	if !c.JSON {
		return s.await(ctx, t, c.ID, false)
	}
	if err := s.follow(ctx, c.ID, func(l logLine) error {
		_, err := fmt.Fprintf(t.Out, "%s\n", l.data)
		return err
	}); err != nil {
		return err
	}
	_, r, err := s.run(ctx, c.ID)
	if err != nil {
		return err
	}
	return ended(r)
}

type runsCmd struct {
	Task  event.TaskID `placeholder:"N" help:"Only runs of this task."`
	State string       `placeholder:"STATE" help:"Only runs in this state: queued, running, succeeded, failed, canceled, timed_out."`
	Limit int          `default:"20" help:"How many at most."`
	JSON  bool         `name:"json" help:"Print JSON."`
}

func (c *runsCmd) Run(ctx context.Context, t *Terminal, s *server) error {
	q := url.Values{"limit": {strconv.Itoa(c.Limit)}}
	if c.Task > 0 {
		q.Set("task_id", c.Task.String())
	}
	if c.State != "" {
		q.Set("state", c.State)
	}
	var raw json.RawMessage
	if err := s.send(ctx, "GET", "/api/runs?"+q.Encode(), nil, &raw); err != nil {
		return err
	}
	if c.JSON {
		printJSON(t.Out, raw)
		return nil
	}
	var list struct{ Runs []event.Run }
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	w := tabwriter.NewWriter(t.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tTASK\tSTATE\tCREATED\tTOOK\tPROMPT")
	for _, r := range list.Runs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.TaskRunID, r.TaskID, r.State, r.CreatedAt.Local().Format(time.DateTime), took(r), clip(firstLine(r.Prompt), 60))
	}
	return w.Flush()
}

type showCmd struct {
	ID    event.RunID `arg:"" name:"run" help:"Number of the run."`
	Steps bool        `help:"Show the steps too."`
	JSON  bool        `name:"json" help:"Print the run as JSON."`
}

func (c *showCmd) Run(ctx context.Context, t *Terminal, s *server) error {
	raw, r, err := s.run(ctx, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		printJSON(t.Out, raw)
		return nil
	}
	fmt.Fprintf(t.Out, "Run %s of task %s: %s\n%s\n", r.TaskRunID, r.TaskID, r.State, runURL(s, c.ID))
	fmt.Fprintf(t.Out, "%s, %s · %s, %d steps, %d model calls, %s\n", r.Execution, r.Provider, r.Model, len(r.History), r.Usage.ModelCalls, took(r))
	fmt.Fprintf(t.Out, "\n%s\n", r.Prompt)
	if c.Steps {
		p := &progress{t: t}
		for i, step := range r.History {
			fmt.Fprintf(t.Out, "\n%d. %s\n", i+1, step.Description)
			for _, a := range step.Actions {
				fmt.Fprintf(t.Out, "   %s %s\n", p.mark(a), actionText(a))
			}
		}
	}
	if r.Error != nil {
		fmt.Fprintf(t.Out, "\n%s: %s\n", r.Error.Code, r.Error.Message)
	}
	if len(r.Result) > 0 && string(r.Result) != "null" {
		fmt.Fprintf(t.Out, "\n%s\n", resultText(r.Result))
	}
	return nil
}

type cancelCmd struct {
	ID event.RunID `arg:"" name:"run" help:"Number of the run."`
}

func (c *cancelCmd) Run(ctx context.Context, t *Terminal, s *server) error {
	var r event.Run
	if err := s.send(ctx, "POST", "/api/runs/"+c.ID.String()+"/cancel", map[string]any{}, &r); err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "Run %s is %s.\n", c.ID, r.State)
	return nil
}

type deleteCmd struct {
	IDs []event.RunID `arg:"" name:"run" help:"Numbers of the runs."`
}

func (c *deleteCmd) Run(ctx context.Context, t *Terminal, s *server) error {
	for _, id := range c.IDs {
		if err := s.send(ctx, "DELETE", "/api/runs/"+id.String(), nil, nil); err != nil {
			return err
		}
		fmt.Fprintf(t.Out, "Run %s is deleted.\n", id)
	}
	return nil
}
