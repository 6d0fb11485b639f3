package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
)

// task is what the commands read of a task.
type task struct {
	ID             event.TaskID       `json:"id"`
	Name           string             `json:"name"`
	Prompt         string             `json:"prompt"`
	Provider       string             `json:"provider"`
	Model          string             `json:"model"`
	UpdatedAt      time.Time          `json:"updated_at"`
	CachedWorkflow *workflow.Workflow `json:"cached_workflow"`
}

func (s *server) task(ctx context.Context, id event.TaskID) (raw json.RawMessage, t task, err error) {
	if err = s.send(ctx, "GET", "/api/tasks/"+id.String(), nil, &raw); err == nil {
		err = json.Unmarshal(raw, &t)
	}
	return raw, t, err
}

type taskListCmd struct {
	Limit int  `default:"20" help:"How many at most."`
	JSON  bool `name:"json" help:"Print JSON."`
}

func (c *taskListCmd) Run(ctx context.Context, t *Terminal, s *server) error {
	var raw json.RawMessage
	if err := s.send(ctx, "GET", "/api/tasks?limit="+strconv.Itoa(c.Limit), nil, &raw); err != nil {
		return err
	}
	if c.JSON {
		printJSON(t.Out, raw)
		return nil
	}
	var list struct{ Tasks []task }
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	w := tabwriter.NewWriter(t.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TASK\tNAME\tMODEL\tWORKFLOW\tPROMPT")
	for _, v := range list.Tasks {
		cached := "none"
		if v.CachedWorkflow != nil {
			cached = "v" + strconv.Itoa(v.CachedWorkflow.Version)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", v.ID, v.Name, v.Model, cached, clip(firstLine(v.Prompt), 60))
	}
	return w.Flush()
}

type taskShowCmd struct {
	ID event.TaskID `arg:"" name:"task" help:"Number of the task."`
}

func (c *taskShowCmd) Run(ctx context.Context, t *Terminal, s *server) error {
	raw, _, err := s.task(ctx, c.ID)
	if err == nil {
		printJSON(t.Out, raw)
	}
	return err
}

type taskCreateCmd struct {
	Prompt string `arg:"" help:"What the agent should do."`
	Name   string `help:"Name of the task."`
	choices
}

func (c *taskCreateCmd) Run(ctx context.Context, t *Terminal, s *server) error {
	body, err := c.body(ctx, s)
	if err != nil {
		return err
	}
	body["prompt"] = c.Prompt
	if c.Name != "" {
		body["name"] = c.Name
	}
	var made task
	if err := s.send(ctx, "POST", "/api/tasks", body, &made); err != nil {
		return err
	}
	fmt.Fprintln(t.Out, made.ID)
	return nil
}

type taskDeleteCmd struct {
	ID event.TaskID `arg:"" name:"task" help:"Number of the task."`
}

func (c *taskDeleteCmd) Run(ctx context.Context, t *Terminal, s *server) error {
	if err := s.send(ctx, "DELETE", "/api/tasks/"+c.ID.String(), nil, nil); err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "Task %s is deleted. Its runs stay: \"errand runs --task %s\" shows them.\n", c.ID, c.ID)
	return nil
}

type taskRunCmd struct {
	ID     event.TaskID      `arg:"" name:"task" help:"Number of the task."`
	Prompt string            `help:"Another prompt than the task's."`
	Param  map[string]string `placeholder:"NAME=VALUE" sep:"none" help:"Value for a parameter of the cached workflow; may be repeated."`
	choices
	waiting
}

func (c *taskRunCmd) Run(ctx context.Context, t *Terminal, s *server) error {
	body, err := c.body(ctx, s)
	if err != nil {
		return err
	}
	if c.Prompt != "" {
		body["prompt"] = c.Prompt
	}
	if len(c.Param) > 0 {
		values, err := c.values(ctx, s)
		if err != nil {
			return err
		}
		maps.Copy(body, map[string]any{"use_cached_workflow": true, "parameters": values})
	}
	return s.begin(ctx, t, "/api/tasks/"+c.ID.String()+"/runs", body, c.waiting)
}

// values are the parameters, each of the type that the workflow wants. The server names those that do not fit.
func (c *taskRunCmd) values(ctx context.Context, s *server) (map[string]any, error) {
	_, saved, err := s.task(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	for name, text := range c.Param {
		values[name] = text
		if saved.CachedWorkflow == nil {
			continue
		}
		for _, p := range saved.CachedWorkflow.Parameters {
			if p.Name == name && p.Type != workflow.TypeString && p.Type != workflow.TypeDate && json.Valid([]byte(text)) {
				values[name] = json.RawMessage(text)
			}
		}
	}
	return values, nil
}

type workflowShowCmd struct {
	ID      event.TaskID `arg:"" name:"task" help:"Number of the task."`
	Version int          `placeholder:"N" help:"A version other than the current one."`
	JSON    bool         `name:"json" help:"Print JSON."`
}

func (c *workflowShowCmd) Run(ctx context.Context, t *Terminal, s *server) error {
	var w *workflow.Workflow
	if c.Version > 0 {
		if err := s.send(ctx, "GET", fmt.Sprintf("/api/tasks/%s/workflows/%d", c.ID, c.Version), nil, &w); err != nil {
			return err
		}
	} else {
		_, saved, err := s.task(ctx, c.ID)
		if err != nil {
			return err
		}
		w = saved.CachedWorkflow
	}
	if w == nil {
		return exit{ExitFailed, fmt.Sprintf("task %s has no cached workflow: POST /api/runs/RUN/set-as-cached-workflow makes one of a run that succeeded", c.ID)}
	}
	if c.JSON {
		raw, err := json.Marshal(w)
		if err != nil {
			return fmt.Errorf("encode the workflow: %w", err)
		}
		printJSON(t.Out, raw)
		return nil
	}
	printWorkflow(t, *w)
	return nil
}

func printWorkflow(t *Terminal, w workflow.Workflow) {
	fmt.Fprintf(t.Out, "Version %d\n%s\n\n", w.Version, w.PromptTemplate)
	for _, p := range w.Parameters {
		fmt.Fprintf(t.Out, "%s (%s), for example %v\n", p.Name, p.Type, p.ExampleValue)
	}
	for _, step := range w.Steps {
		var names []string
		for _, a := range step.Actions {
			names = append(names, a.Name)
		}
		fmt.Fprintf(t.Out, "\n%d. %s (%s)", step.Number, step.Description, strings.Join(names, ", "))
	}
	fmt.Fprintln(t.Out)
}

type workflowRestoreCmd struct {
	ID      event.TaskID `arg:"" name:"task" help:"Number of the task."`
	Version int          `arg:"" help:"Version to restore."`
}

func (c *workflowRestoreCmd) Run(ctx context.Context, t *Terminal, s *server) error {
	var saved task
	if err := s.send(ctx, "POST", fmt.Sprintf("/api/tasks/%s/workflows/%d/restore", c.ID, c.Version), map[string]any{}, &saved); err != nil {
		return err
	}
	if saved.CachedWorkflow == nil {
		return fmt.Errorf("the server did not restore version %d", c.Version)
	}
	fmt.Fprintf(t.Out, "Version %d of task %s is version %d now, and current.\n", c.Version, c.ID, saved.CachedWorkflow.Version)
	return nil
}
