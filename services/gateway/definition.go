package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/netguard"
	"github.com/errand-run/errand/shared/schema"
	"github.com/errand-run/errand/shared/workflow"
)

// Defaults of a task.
const (
	defaultProvider       = "openai"
	defaultMaxSteps       = 50
	defaultSessionTimeout = 900 // seconds
)

// check finds what the document's schema cannot say, names each field, and replaces a JSON schema in a string by
// the schema itself.
func (o *overrides) check(ctx context.Context, webhooks netguard.Guard) error {
	var errs []error
	wrong := func(field, message string) {
		errs = append(errs, &huma.ErrorDetail{Location: "body." + field, Message: message})
	}
	if o.Prompt != nil && strings.TrimSpace(*o.Prompt) == "" {
		wrong("prompt", "expected more than blanks")
	}
	if controlled(o.Prompt, "\t\n\r") {
		wrong("prompt", "expected no control characters but tabs and line ends")
	}
	for field, value := range map[string]*string{"model": o.Model, "extract_model": o.ExtractModel, "user_agent": o.UserAgent, "concurrency_key": o.ConcurrencyKey} {
		if controlled(value, "") {
			wrong(field, "expected no control characters")
		}
	}
	for i, f := range o.Fallbacks {
		if controlled(&f.Model, "") {
			wrong(fmt.Sprintf("fallbacks[%d].model", i), "expected no control characters")
		}
	}
	if err := checkWebhook(o.WebhookURL, webhooks); err != nil {
		wrong("webhook_url", err.Error())
	}
	if !isWebURL(o.InitialURL) {
		wrong("initial_url", "expected an http or https URL")
	}
	if f := o.ResponseFormat; f != nil && *f != "text" && *f != "json" {
		wrong("response_format", "expected text or json")
	}
	if _, err := netguard.ParseDomains(o.AllowedDomains); err != nil {
		wrong("allowed_domains", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	checkSecrets(o.Secrets, wrong)
	read, err := readSchema(ctx, o.JSONSchema)
	var invalid *schema.Error
	switch {
	case errors.As(err, &invalid):
		wrong("json_schema", "expected a valid JSON Schema (draft 7 or 2020-12): "+invalid.Error())
	case err != nil:
		return err
	}
	o.JSONSchema = read
	if len(errs) > 0 {
		return huma.Error422UnprocessableEntity("validation failed", errs...)
	}
	return nil
}

// given reports whether a field is neither absent nor null.
func given(value json.RawMessage) bool { return len(value) > 0 && string(value) != "null" }

// checkWebhook refuses what the notifier would never reach, as far as the URL says it: a name is judged when it is
// dialled, and the run's webhook field tells what came of that.
func checkWebhook(value *string, webhooks netguard.Guard) error {
	if !isWebURL(value) {
		return errors.New("expected an http or https URL")
	}
	if value == nil {
		return nil
	}
	u, err := url.Parse(*value)
	if err != nil {
		return errors.New("expected an http or https URL")
	}
	if err := webhooks.CheckURL(u); err != nil {
		return fmt.Errorf("expected a URL that may be reached: its host %w", err)
	}
	return nil
}

func isWebURL(value *string) bool {
	if value == nil {
		return true
	}
	u, err := url.Parse(*value)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// apply is the task with the overrides in place of its own values: what is given, field by field, over what is stored.
// Secrets, files and parameters are not stored as they are given, and are left to the caller.
func (o overrides) apply(t event.Task) event.Task {
	o.Secrets, o.Files, o.Parameters = nil, nil, nil
	merged := map[string]json.RawMessage{}
	var made event.Task
	for _, step := range []func() error{
		func() error { return restate(t, &merged) },
		func() error { return restate(o, &merged) }, // absent is left out, and leaves what is there
		func() error { return restate(merged, &made) },
	} {
		if err := step(); err != nil {
			panic("gateway: merge overrides: " + err.Error()) // all of it came from JSON
		}
	}
	return made
}

// restate reads a value into another by way of its JSON.
func restate(from, into any) error {
	data, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

func override[T any](own *T, value *T) {
	if value != nil {
		*own = *value
	}
}

// task is the task that the definition makes.
func (d Definition) task() event.Task {
	return overrides(d).apply(event.Task{
		Provider: defaultProvider, MaxSteps: defaultMaxSteps, SessionTimeout: defaultSessionTimeout,
	})
}

// request is the complete request of a run of the task. A task that asks for its cached workflow and has none
// makes no run.
func request(t event.Task) (event.Request, error) {
	if t.UseCachedWorkflow && workflow.ToReplay(t) == nil {
		return event.Request{}, huma.Error400BadRequest(fmt.Sprintf("task %s has no cached workflow: "+
			"POST /api/runs/{run_id}/set-as-cached-workflow makes one from a successful run", t.ID))
	}
	r := event.Request{
		Task: t.ID, Prompt: t.Prompt, Provider: t.Provider, Model: t.Model, ResponseFormat: t.ResponseFormat,
		JSONSchema: t.JSONSchema, WebhookURL: t.WebhookURL, UseCachedWorkflow: t.UseCachedWorkflow,
		InitialURL: t.InitialURL, UserAgent: t.UserAgent, MaxSteps: t.MaxSteps, SessionTimeout: t.SessionTimeout,
		Means: t.Means, Order: t.Order, OneOff: t.OneOff,
	}
	if t.UseCachedWorkflow {
		v := workflow.ToReplay(t)
		r.Replay = &event.Replay{Version: v.Version, Object: v.Object, Confirmed: v.Confirmed}
	}
	if r.Model == "" {
		r.Model = event.DefaultModel(r.Provider)
	}
	if r.ResponseFormat == "" {
		r.ResponseFormat = "text"
		if given(r.JSONSchema) {
			r.ResponseFormat = "json"
		}
	}
	return r, nil
}

// view is the task as callers see it.
func view(t event.Task) taskView {
	return taskView{
		ID: t.ID, Name: orNull(t.Name), Prompt: t.Prompt, Model: orNull(t.Model), Provider: t.Provider,
		WaitForCompletion: t.WaitForCompletion, WebhookURL: orNull(t.WebhookURL), ResponseFormat: orNull(t.ResponseFormat),
		JSONSchema: t.JSONSchema, UseCachedWorkflow: t.UseCachedWorkflow,
		InitialURL: orNull(t.InitialURL), UserAgent: orNull(t.UserAgent), MaxSteps: t.MaxSteps,
		SessionTimeout: t.SessionTimeout, Budget: t.Budget, Fallbacks: t.Fallbacks, ExtractModel: orNull(t.ExtractModel), ModelTimeout: orNull(t.ModelTimeout),
		Judge: t.Judge, Vision: t.Vision, AllowEvaluate: t.AllowEvaluate, OnInterrupt: orNull(t.OnInterrupt), Secrets: viewSecrets(t.Secrets), Files: fileIDs(t.Files),
		QueueTimeout: orNull(t.QueueTimeout), Priority: t.Priority, MaxRunning: orNull(t.MaxRunning),
		ConcurrencyKey: orNull(t.ConcurrencyKey), ConcurrencyLimit: orNull(t.ConcurrencyLimit),
		AllowedDomains: append([]string{}, t.AllowedDomains...), CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
	}
}

// orNull is a pointer to a value, nil for the zero value.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
