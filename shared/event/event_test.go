package event_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/errand-run/errand/shared/event"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	later  = noon.Add(42 * time.Second)
	writer = event.Writer{Service: "executor", Instance: "a1"}
)

func ref[T any](v T) *T { return &v }

func ended() event.Snapshot {
	return event.Snapshot{
		Task: 7, Run: 9, State: event.StateSucceeded, Provider: "openai", Model: "m", Attempt: 2, Failures: 1,
		Executor: "a1", Execution: event.ExecutionAI, SessionTimeout: 900, Result: json.RawMessage(`{"total":39}`),
		Usage: event.Usage{ModelCalls: 3, InputTokens: 900, OutputTokens: 70}, CreatedAt: noon, StartedAt: &noon, FinishedAt: &later,
		Files: []event.RunFile{file(event.SourceUpload), file(event.SourceDownload)},
	}
}

func step() event.StepData {
	return event.StepData{
		Task: 7, Run: 9, Attempt: 2, Number: 3, Lifecycle: 31, Previous: &event.StepRef{Number: 2, Sequence: 30},
		Description: "Send the order", Evaluation: "The cart is right", Memory: "total 39", URL: "https://shop.test/cart", Title: "Cart",
		Actions: []event.Action{{
			Name: "click", Params: map[string]any{"xpath": "/html/body/button"}, Success: ref(true), ExtractedContent: ref("order 5"),
		}},
		Files:      []event.RunFile{file(event.SourceDownload)},
		Screenshot: "sha256:ab", Thumbnail: "sha256:ac", Told: "sha256:ad", Sources: json.RawMessage(`[]`), Provider: "openai", Model: "m",
		Usage: event.Usage{ModelCalls: 1, InputTokens: 300, OutputTokens: 20}, StartedAt: noon, FinishedAt: &later,
	}
}

// replayed is a run that has replayed a cached workflow and healed it.
func replayed() event.Snapshot {
	s := ended()
	s.Execution = event.ExecutionHealed
	s.Workflow = &event.WorkflowUse{
		Version: 4, Parameters: map[string]any{"quantity": 2}, OtherData: true, Unconfirmed: []string{"/total"}, Confirmed: true,
		Healed: "sha256:cd",
	}
	return s
}

// healed is a step of it in which a model has helped.
func healed() event.StepData {
	s := step()
	a := &s.Actions[0]
	a.Unfinished, a.OpenedTabs = true, 1
	a.BoxBefore, a.Box = &event.Box{X: 10, Y: 200, Width: 90, Height: 32}, &event.Box{X: 10, Y: 120.5, Width: 90, Height: 32}
	a.Sends, a.ExecutedByAI, a.FallbackReason, a.FallbackAttempt = true, true, "no button Order was found", 1
	return s
}

func cached() event.Task {
	return event.Task{
		ID: 7, Prompt: "Buy", UseCachedWorkflow: true, CreatedAt: noon, UpdatedAt: noon,
		Workflows: []event.WorkflowVersion{
			{Version: 4, State: event.WorkflowCurrent, Origin: event.WorkflowRecorded, Object: "sha256:ab", Run: 8, Confirmed: true, NeedsModel: []string{}, CreatedAt: noon},
			{Version: 5, State: event.WorkflowCandidate, Origin: event.WorkflowHealed, Object: "sha256:cd", Run: 9, Base: 4, NeedsModel: []string{"/total"}, CreatedAt: later},
		},
	}
}

func file(source event.FileSource) event.RunFile {
	f := event.File{ID: "6a1f", Name: string(source) + ".pdf", Size: 7, ContentType: "application/pdf", CreatedAt: noon}
	return f.Of(source)
}

func request() event.Request {
	return event.Request{
		Task: 7, Prompt: "Buy the blue kettle", Provider: "openai", Model: "m", ResponseFormat: "json",
		JSONSchema: json.RawMessage(`{"type":"object"}`), WebhookURL: "https://hooks.test/x", InitialURL: "https://shop.test",
		MaxSteps: 50, SessionTimeout: 900, BodyHash: "00ff", CreatedAt: noon,
		Means: event.Means{Files: []event.RunFile{file(event.SourceUpload)}},
	}
}

// The golden files are what subscribers and clients have written their code against: a change here breaks them.
func TestTheWireFormatsAreAsPromised(t *testing.T) {
	data := event.RunData{Run: ended(), Previous: 31, Request: 9, LastStep: &event.StepRef{Number: 3, Sequence: 33}}
	address, _ := event.AddressOf("https://Hooks.test/x?token=1")
	for name, value := range map[string]any{
		"request.json":      request(),
		"run-replayed.json": event.Present(9, request(), replayed(), []event.StepData{healed()}),
		"replay-event.json": writer.Run(event.Succeeded, later, event.RunData{Run: replayed(), Previous: 31, Request: 9}),
		"healed-step.json":  writer.Step(event.Done, later, healed()),
		"cached-task.json":  cached(),
		"run-event.json":    writer.Run(event.Succeeded, later, data),
		"step-event.json":   writer.Step(event.Done, later, step()),
		"run.json":          event.Present(9, request(), ended(), []event.StepData{step()}),
		"run-queued.json":   event.Present(9, request(), event.Queued(9, request()), nil),
		"delivery.json":     writer.Delivery(later, event.DeliveryData{ID: event.DeliveryOf(9), Task: 7, Run: 9, Type: event.DeliveryCreated, URL: "https://hooks.test/x"}),
		"delivery-attempted.json": writer.Delivery(later, event.DeliveryData{
			ID: event.DeliveryOf(9), Task: 7, Run: 9, Type: event.DeliveryAttempted, URL: "https://hooks.test/x", Attempts: 3, Before: 2, NextAt: &later, Previous: 17,
			Last: &event.DeliveryAttempt{
				Number: 3, At: later, DurationMS: 31, StatusCode: 503, Class: event.ClassStatus, Error: "answered 503 Service Unavailable", Response: "later",
			},
		}),
		"endpoint.json": writer.Endpoint(later, event.EndpointData{
			ID: address.ID(), Address: address, Type: event.EndpointDisabled, Reason: event.ReasonFailing, Previous: 17,
			FailingSince: &noon, FailingAgain: &later, DisabledAt: &later,
			Last: &event.EndpointAttempt{At: later, DurationMS: 31, StatusCode: 503, Class: event.ClassStatus},
		}),
		"redrive.json": writer.Redrive(later, event.Redrive{
			ID: "7e0c", Selection: event.Selection{Host: "hooks.test", State: []event.WebhookState{event.WebhookHeld}, Since: noon},
			UpTo: 40, Count: 3, State: event.RedriveDone, CreatedAt: noon, Previous: 41,
		}),
		"default-task.json": event.Task{ID: 7, Name: "Kettle", Prompt: "Buy", CreatedAt: noon, UpdatedAt: noon},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := json.MarshalIndent(value, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got %s\nwant %s", got, want)
			}
		})
	}
}

func TestARunThatItsExecutorDidNotEndListsWhatItsStepsDownloaded(t *testing.T) {
	s := event.Queued(9, request())
	s.State = event.StateTimedOut
	run := event.Present(9, request(), s, []event.StepData{step(), step()})
	if want := []event.RunFile{file(event.SourceUpload), file(event.SourceDownload)}; !slices.Equal(run.Files, want) {
		t.Errorf("files %+v, want %+v", run.Files, want)
	}
}

func TestSubjectsTellTheirRun(t *testing.T) {
	k := event.Key{Task: 7, Run: 9}
	for subject, want := range map[string]event.SubjectInfo{
		event.LifecycleSubject(k, event.Started, "openai"):                {Key: k, Type: event.Started},
		event.LifecycleSubject(k, event.Dispatched, "openai"):             {Key: k, Type: event.Dispatched},
		event.LiveSubject(event.LifecycleSubject(k, event.Succeeded, "")): {Key: k, Type: event.Succeeded},
		event.StepSubject(k, 12, event.Planned):                           {Key: k, Step: 12, Phase: event.Planned},
		event.CancelSubject(k):                                            {Key: k},
		event.TimerSubject(k):                                             {Key: k},
		event.RunRequestSubject(7, "k"):                                   {Key: event.Key{Task: 7}},
	} {
		got, ok := event.ParseSubject(subject)
		if !ok || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", subject, got, ok, want)
		}
	}
	for _, bad := range []string{"", "run.v1.evt", "run.v1.evt.x.9.started", "other.v1.evt.7.9.started", "run.v1.step.7.9.x.done", "run.v1.evt.7.-9.started", "run.v1.evt.0.9.started"} {
		if got, ok := event.ParseSubject(bad); ok {
			t.Errorf("%q was read as %+v", bad, got)
		}
	}
}

func TestRivalStartsHaveOtherIdsAndRepeatedWritesTheSame(t *testing.T) {
	data := event.RunData{Run: ended(), Previous: 31}
	other := event.Writer{Service: "executor", Instance: "b2"}
	if a, b := writer.Run(event.Started, noon, data).ID, other.Run(event.Started, noon, data).ID; a == b {
		t.Errorf("two executors that start the same attempt write the same id %s", a)
	}
	if a, b := writer.Run(event.Retrying, noon, data).ID, other.Run(event.Retrying, later, data).ID; a != b {
		t.Errorf("one decision has two ids, %s and %s", a, b)
	}
}

func TestEveryProviderHasADefaultModel(t *testing.T) {
	for _, p := range event.Providers() {
		if event.DefaultModel(p) == "" {
			t.Errorf("%s has none", p)
		}
	}
	if event.DefaultModel("acme") != "" || event.KnownProvider("acme") {
		t.Error("an unknown provider is known")
	}
}

func TestEveryTypeHasAState(t *testing.T) {
	for _, typ := range event.Types() {
		if !slices.Contains(event.States(), typ.State()) || typ.Terminal() != typ.State().Terminal() {
			t.Errorf("%s leads to %s", typ, typ.State())
		}
	}
}
