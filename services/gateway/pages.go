package gateway

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/services/gateway/web"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/workflow"
	"github.com/gofiber/fiber/v2"
	"github.com/swaggest/swgui/v5/static"
)

// Entries of one page of a list, and the newest runs that the page of a task shows.
const (
	listLength = 50
	taskRuns   = 20
)

// pages serves the web page: what people see of the same data that the API answers with.
type pages struct {
	*api
	site *web.Site
}

// registerPages puts the pages and their assets on the router.
func (a *api) registerPages(app *fiber.App) error {
	site, err := web.New()
	if err != nil {
		return err
	}
	p := pages{a, site}
	app.Get("/ui/:version/:name", p.asset)
	app.Get("/favicon.ico", func(c *fiber.Ctx) error { return c.Redirect(site.URL("icon.svg")) })
	app.Get("/", p.page(p.runs))
	app.Get("/new", p.page(p.newRun))
	app.Get("/runs/:run_id", p.page(p.runPage))
	app.Get("/tasks", p.page(p.tasks))
	app.Get("/deliveries", p.page(p.deliveriesPage))
	app.Get("/tasks/:task_id", p.page(p.taskPage))
	app.Get("/settings", p.page(p.settings))
	app.Get("/docs", p.page(p.docs))
	app.Get("/docs/:name", viewer)
	return nil
}

// asset serves a file of the pages. Its URL changes with its content, so it may be kept for good.
func (p pages) asset(c *fiber.Ctx) error {
	asset, ok := p.site.Asset(c.Params("version"), c.Params("name"))
	if !ok {
		return fiber.NewError(http.StatusNotFound, "this page was made by another version of Errand: reload it")
	}
	c.Set(fiber.HeaderContentType, asset.Type)
	c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Vary(fiber.HeaderAcceptEncoding)
	if c.AcceptsEncodings("gzip") == "gzip" {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(asset.Gzip)
	}
	return c.Send(asset.Content)
}

// page answers with what show makes of a request, or with the page that says why it cannot.
func (p pages) page(show func(*fiber.Ctx) (web.Page, error)) fiber.Handler {
	return func(c *fiber.Ctx) error {
		view, err := show(c)
		if err != nil {
			view = p.problem(c, err)
		}
		html, err := p.site.Render(view)
		if err != nil {
			if html, err = p.site.Render(p.problem(c, err)); err != nil {
				return err
			}
		}
		policy := web.Policy
		if view.Name == "docs" {
			policy = web.DocsPolicy
		}
		for name, value := range map[string]string{
			fiber.HeaderContentType: fiber.MIMETextHTMLCharsetUTF8, fiber.HeaderCacheControl: "no-store",
			fiber.HeaderContentSecurityPolicy: policy, fiber.HeaderXContentTypeOptions: "nosniff",
			fiber.HeaderReferrerPolicy: "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			c.Set(name, value)
		}
		return c.Send(html)
	}
}

// problem is the page of an error, with the status that the API would answer with.
func (p pages) problem(c *fiber.Ctx, err error) web.Page {
	status, detail := http.StatusInternalServerError, "Something went wrong inside. The log of the gateway has the reason."
	var known huma.StatusError
	switch {
	case errors.As(err, &known) && known.GetStatus() != http.StatusInternalServerError:
		status, detail = known.GetStatus(), known.Error()
	default:
		p.log.Error("show a page", "path", c.Path(), "error", err)
	}
	c.Status(status)
	title := http.StatusText(status)
	return web.Page{Name: "error", Title: title, Data: web.Problem{Status: status, Title: title, Detail: detail}}
}

// runs is the list of runs, newest first.
func (p pages) runs(c *fiber.Ctx) (web.Page, error) {
	task, _ := strconv.ParseInt(c.Query("task_id"), 10, 64)
	before, _ := strconv.ParseInt(c.Query("cursor"), 10, 64)
	f := filter{task: event.TaskID(task), state: event.State(c.Query("state")), before: event.RunID(before)}
	list, more, err := p.list(c.UserContext(), f, listLength)
	if err != nil {
		return web.Page{}, err
	}
	data := web.Runs{Runs: list, State: f.state, Task: f.task, States: event.States(), First: before == 0, Models: web.Models()}
	if more {
		data.Next = following(c, list[len(list)-1].TaskRunID.String())
	}
	return web.Page{Name: "runs", Title: "Runs", Section: "runs", Data: data}, nil
}

// following is the query string of the page behind an entry of a list, with the filters of this page.
func following(c *fiber.Ctx, last string) string {
	q := url.Values{"cursor": {last}}
	for _, name := range []string{"state", "task_id", "host"} {
		if v := c.Query(name); v != "" {
			q.Set(name, v)
		}
	}
	return q.Encode()
}

func (p pages) newRun(*fiber.Ctx) (web.Page, error) {
	return web.Page{Name: "new", Title: "New run", Section: "runs", Data: web.NewRun{Models: web.Models()}}, nil
}

// runPage is one run as its log has it.
func (p pages) runPage(c *fiber.Ctx) (web.Page, error) {
	ctx := c.UserContext()
	id, err := pathID(c, "run_id")
	if err != nil {
		return web.Page{}, err
	}
	k, err := p.key(ctx, event.RunID(id))
	if err != nil {
		return web.Page{}, err
	}
	last, err := p.bus.Last(ctx, k) // before the run is read: what the page shows is never older
	if err != nil && !errors.Is(err, bus.ErrNotFound) {
		return web.Page{}, problem(err, "run "+k.Run.String())
	}
	run, err := p.bus.Run(ctx, k.Run)
	if err != nil {
		return web.Page{}, problem(err, "run "+k.Run.String())
	}
	p.explain(ctx, &run)
	data := web.Run{Run: run, Task: p.taskName(ctx, k.Task), URL: c.BaseURL(), Sequence: last.Sequence, Latest: last.Sequence}
	steps, err := p.bus.Steps(ctx, k)
	if err != nil {
		return web.Page{}, problem(err, "run "+k.Run.String())
	}
	for _, s := range steps {
		data.Latest = max(data.Latest, s.Sequence)
		data.Steps = append(data.Steps, web.Step{StepData: s.Data, Done: s.Phase == event.Done})
	}
	return web.Page{Name: "run", Title: "#" + k.Run.String() + " " + run.Prompt, Section: "runs", Data: data}, nil
}

// taskName is the name of a task, empty for none. A run outlives its task: one that is gone has no name.
func (p pages) taskName(ctx context.Context, id event.TaskID) string {
	t, _, err := p.bus.Task(ctx, id)
	if err != nil {
		if !errors.Is(err, bus.ErrNotFound) {
			p.log.Warn("read the task of a run", "task_id", id, "error", err)
		}
		return ""
	}
	return t.Name
}

func pathID(c *fiber.Ctx, name string) (int64, error) {
	id, err := strconv.ParseInt(c.Params(name), 10, 64)
	if err != nil || id < 1 {
		return 0, huma.Error404NotFound("there is no " + strings.TrimSuffix(name, "_id") + " with that number")
	}
	return id, nil
}

func (p pages) tasks(c *fiber.Ctx) (web.Page, error) {
	before, _ := strconv.ParseInt(c.Query("cursor"), 10, 64)
	list, next, err := p.bus.Tasks(c.UserContext(), bus.TaskPage{Before: event.TaskID(before), Limit: listLength, OneOff: true})
	if err != nil {
		return web.Page{}, problem(err, "the list")
	}
	data := web.Tasks{Tasks: list}
	if next > 0 {
		data.Next = following(c, next.String())
	}
	return web.Page{Name: "tasks", Title: "Tasks", Section: "tasks", Data: data}, nil
}

func (p pages) taskPage(c *fiber.Ctx) (web.Page, error) {
	ctx := c.UserContext()
	id, err := pathID(c, "task_id")
	if err != nil {
		return web.Page{}, err
	}
	t, err := p.task(ctx, event.TaskID(id))
	if err != nil {
		return web.Page{}, err
	}
	noted(ctx).task = t.ID
	data := web.Task{Task: t}
	if v := workflow.Current(t); v != nil {
		w, err := p.workflow(ctx, *v)
		if err != nil {
			return web.Page{}, err
		}
		data.Workflow = &w
	}
	if data.Runs, _, err = p.list(ctx, filter{task: t.ID}, taskRuns); err != nil {
		return web.Page{}, err
	}
	title := t.Name
	if title == "" {
		title = "Task " + t.ID.String()
	}
	return web.Page{Name: "task", Title: title, Section: "tasks", Data: data}, nil
}

func (p pages) settings(c *fiber.Ctx) (web.Page, error) {
	data := web.Settings{Models: web.Models(), Version: buildVersion()}
	if err := p.bus.Ready(c.UserContext()); err != nil {
		data.NATS = "not reachable"
	}
	return web.Page{Name: "settings", Title: "Settings", Section: "settings", Data: data}, nil
}

func (p pages) docs(*fiber.Ctx) (web.Page, error) {
	return web.Page{Name: "docs", Title: "API", Section: "docs"}, nil
}

// viewer serves the files of Swagger UI, which its module holds compressed only.
func viewer(c *fiber.Ctx) error {
	name := c.Params("name")
	content, err := static.FS.ReadFile(name + ".gz")
	if err != nil {
		return fiber.NewError(http.StatusNotFound, "there is no such file")
	}
	if c.AcceptsEncodings("gzip") != "gzip" {
		return fiber.NewError(http.StatusNotAcceptable, "this file is sent compressed only: accept gzip")
	}
	c.Set(fiber.HeaderContentType, mime.TypeByExtension(path.Ext(name)))
	c.Set(fiber.HeaderContentEncoding, "gzip")
	c.Set(fiber.HeaderCacheControl, "public, max-age=86400")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	return c.Send(content)
}

// buildVersion names the commit that the binary was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return "built from " + info.GoVersion
}
