package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/errand-run/errand/shared/bus"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/netguard"
	"github.com/errand-run/errand/shared/vault"
	"github.com/errand-run/errand/shared/workflow"
	"github.com/gofiber/fiber/v2"
)

// api answers the operations.
type api struct {
	bus       *bus.Bus
	hub       *hub
	receivers *receivers
	log       *slog.Logger
	metrics   *metrics
	waitLimit time.Duration
	keys      vault.Keys
	webhooks  netguard.Guard // what a webhook may reach, as far as its URL says
	writer    event.Writer
	closing   <-chan struct{} // closed when the gateway shuts down: nobody waits any longer
}

// register puts the operations and their document on the router.
func (a *api) register(app *fiber.App) error {
	h := a.describe(app)
	if err := finish(h.OpenAPI(), event.Providers()); err != nil {
		return err
	}
	document, err := json.Marshal(h.OpenAPI())
	if err != nil {
		return fmt.Errorf("encode the API document: %w", err)
	}
	app.Get("/openapi.json", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
		return c.Send(document)
	})
	return nil
}

// describe puts the operations on the router, and what their types say into the document.
func (a *api) describe(app *fiber.App) huma.API {
	config := huma.DefaultConfig("Errand", "1.0.0")
	config.Info.Description = "Runs tasks with an AI agent in a real browser."
	config.AllowAdditionalPropertiesByDefault = true // answers may grow; bodies say otherwise for themselves
	config.CreateHooks = nil                         // no $schema in bodies
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	config.DocsPath, config.SchemasPath, config.OpenAPIPath = "", "", ""
	format := huma.Format{Marshal: encode, Unmarshal: json.Unmarshal}
	config.Formats = map[string]huma.Format{"application/json": format, "json": format}
	config.Transformers = []huma.Transformer{a.discreet}
	h := humafiber.New(app, config)
	h.UseMiddleware(knownQuery(h))
	a.runOperations(h)
	a.taskOperations(h)
	a.workflowOperations(h)
	a.deliveryOperations(h)
	fileOperations(h)
	huma.Register(h, huma.Operation{
		OperationID: "delete-file", Method: http.MethodDelete, Path: filesPath + "/{file_id}", Tags: []string{"files"},
		Summary: "Delete a file", Description: "Erases its content. Tasks and runs that name it keep its name and size, and can no longer use it.",
	}, a.deleteFile)
	return h
}

func (a *api) runOperations(h huma.API) {
	post := func(id, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodPost, Path: path, Summary: summary, Tags: []string{"runs"}}
	}
	get := func(id, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Tags: []string{"runs"}}
	}
	runTask := post("run-task", "/api/tasks/{task_id}/runs", "Run Task")
	runTask.RequestBody = &huma.RequestBody{Description: "Request model for running an existing task with optional parameter overrides"}
	huma.Register(h, runTask, a.runTask)
	huma.Register(h, post("run-new-task", "/api/runs", "Create a task and run it"), a.newRun)
	huma.Register(h, get("list-runs", "/api/runs", "List runs, newest first"), a.listRuns)
	huma.Register(h, get("get-run", "/api/runs/{run_id}", "Get a run"), a.run)
	huma.Register(h, post("cancel-run", "/api/runs/{run_id}/cancel", "Cancel a run"), a.cancel)
	erase := get("delete-run", "/api/runs/{run_id}", "Delete a run")
	erase.Method, erase.DefaultStatus = http.MethodDelete, http.StatusNoContent
	erase.Description = "Erases a run that has ended: its steps, result, pictures, webhook delivery, and the files and secrets that nothing else uses. " +
		"202: the run can no longer be found, and the rest of it is being erased. 409: it has not ended, cancel it first."
	erase.Responses = map[string]*huma.Response{"202": {Description: "The run can no longer be found, and the rest of it is being erased"}}
	huma.Register(h, erase, a.deleteRun)
	huma.Register(h, get("list-task-runs", "/api/tasks/{task_id}/runs", "List the runs of a task, newest first"), a.taskRuns)
	const steps = "/api/runs/{run_id}/steps/{n}"
	picture, text := huma.Schema{Type: huma.TypeString, Format: "binary"}, huma.Schema{Type: huma.TypeString}
	huma.Register(h, answering(get("get-screenshot", steps+"/screenshot", "Get the screenshot of a step"),
		"image/jpeg", "The page when the step was done", picture), a.screenshot)
	huma.Register(h, answering(get("get-thumbnail", steps+"/thumb", "Get the thumbnail of a step"),
		"image/jpeg", "The same picture as the screenshot, 160 pixels wide", picture), a.thumbnail)
	huma.Register(h, answering(get("get-told", steps+"/told", "Get what the model was told for a step"),
		"text/plain", "What was new to the model in this step, the page last; secrets are masked", text), a.told)
	h.OpenAPI().AddOperation(eventsOperation())
}

// answering documents an answer that is no JSON.
func answering(o huma.Operation, mediaType, description string, schema huma.Schema) huma.Operation {
	o.Responses = map[string]*huma.Response{"200": {
		Description: description, Content: map[string]*huma.MediaType{mediaType: {Schema: &schema}},
	}}
	return o
}

func (a *api) taskOperations(h huma.API) {
	operation := func(method, path, id, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{"tasks"}}
	}
	create := operation(http.MethodPost, "/api/tasks", "create-task", "Create a task")
	create.DefaultStatus = http.StatusCreated
	create.MaxBodyBytes = maxTaskBody + 1 // readBody has refused what is larger
	huma.Register(h, create, a.createTask)
	huma.Register(h, operation(http.MethodGet, "/api/tasks", "list-tasks", "List tasks, newest first"), a.listTasks)
	huma.Register(h, operation(http.MethodGet, "/api/tasks/{task_id}", "get-task", "Get a task"), a.getTask)
	put := operation(http.MethodPut, "/api/tasks/{task_id}", "put-task", "Replace a task's definition")
	put.MaxBodyBytes = create.MaxBodyBytes
	huma.Register(h, put, a.putTask)
	erase := operation(http.MethodDelete, "/api/tasks/{task_id}", "delete-task", "Delete a task")
	erase.Description = "Erases its definition, its secrets and its cached workflows. Its runs stay, each to be deleted by itself; " +
		"secrets that a run still needs are erased when that run has ended."
	huma.Register(h, erase, a.deleteTask)
}

func (a *api) workflowOperations(h huma.API) {
	operation := func(method, path, id, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{"workflows"}}
	}
	const versions = "/api/tasks/{task_id}/workflows"
	const set = "/api/runs/{run_id}/set-as-cached-workflow"
	huma.Register(h, operation(http.MethodPost, set, "set-as-cached-workflow", "Make a run the cached workflow of its task"), a.recordWorkflow)
	huma.Register(h, operation(http.MethodPost, "/api/runs/{run_id}/confirm", "confirm-run", "Confirm the result of a replay"), a.confirm)
	huma.Register(h, operation(http.MethodGet, versions, "list-workflows", "List the versions of a task's cached workflow, newest first"), a.workflowVersions)
	huma.Register(h, operation(http.MethodGet, versions+"/{version}", "get-workflow", "Get a version of a task's cached workflow"), a.workflowVersion)
	restore := operation(http.MethodPost, versions+"/{version}/restore", "restore-workflow", "Make a version current again, as a new one")
	huma.Register(h, restore, a.restoreWorkflow)
}

// schemaName names a type in the document. Those of a workflow are told from those of a run: both have actions.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.PkgPath() == reflect.TypeFor[workflow.Workflow]().PkgPath() && name != "Workflow" {
		return "Workflow" + name
	}
	return name
}

// encode writes an answer. A run that many wait for is encoded once for all of them.
func encode(w io.Writer, v any) error {
	run, ok := v.(event.Run)
	if !ok {
		return huma.DefaultJSONFormat.Marshal(w, v)
	}
	data, err := run.JSON()
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	_, errEnd := w.Write([]byte("\n"))
	return errors.Join(err, errEnd)
}

// nameFirst has the detail of a failed validation name the first problem: many callers show nothing else.
func nameFirst(model *huma.ErrorModel) {
	const bare = "validation failed"
	if model.Detail != bare || len(model.Errors) == 0 {
		return
	}
	first := model.Errors[0]
	model.Detail = fmt.Sprintf("%s: %s: %s", bare, first.Location, first.Message)
	if more := len(model.Errors) - 1; more > 0 {
		model.Detail += fmt.Sprintf(" (and %d more, see errors)", more)
	}
}

// discreet keeps what callers sent, which may hold secrets, out of errors, and what went wrong inside out of answers.
func (a *api) discreet(_ huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	if model.Status == http.StatusInternalServerError {
		a.log.Error("answer a request", "errors", model.Errors)
		model.Errors = nil
	}
	for _, e := range model.Errors {
		e.Value = nil
	}
	nameFirst(model)
	return model, nil
}
