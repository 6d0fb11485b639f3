package gateway

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/errand-run/errand/shared/event"
)

// entry is what the API document says of an operation beside its types.
type entry struct {
	body, answer string // names of examples
	errors       []int  // statuses that it may answer, beside those of every operation
}

// entries are the operations by their ids.
var entries = map[string]entry{
	"run-task":               {"overrides", "run", []int{404, 413, 415, 422}},
	"run-new-task":           {"definition", "run", []int{413, 415, 422}},
	"list-runs":              {"", "runs", []int{422}},
	"get-run":                {"", "run", []int{404, 422}},
	"cancel-run":             {"", "canceled", []int{404, 413, 415, 422}},
	"delete-run":             {"", "", []int{404, 409, 422}},
	"list-task-runs":         {"", "task-runs", []int{404, 422}},
	"get-screenshot":         {"", "", []int{404, 422}},
	"get-thumbnail":          {"", "", []int{404, 422}},
	"stream-events":          {"", "", []int{404, 422}},
	"create-task":            {"task-body", "task", []int{413, 415, 422}},
	"list-tasks":             {"", "tasks", []int{422}},
	"get-task":               {"", "task", []int{404, 422}},
	"put-task":               {"task-body", "task", []int{404, 409, 412, 413, 415, 422}},
	"delete-task":            {"", "", []int{404, 409, 412, 422}},
	"set-as-cached-workflow": {"", "recorded", []int{404, 409, 413, 415, 422}},
	"confirm-run":            {"", "replay", []int{404, 409, 413, 415, 422}},
	"list-workflows":         {"", "versions", []int{404, 422}},
	"get-workflow":           {"", "workflow", []int{404, 422}},
	"restore-workflow":       {"", "task", []int{404, 409, 413, 415, 422}},
	"get-told":               {"", "", []int{404, 422}},
	"list-run-deliveries":    {"", "deliveries", []int{404, 422}},
	"list-deliveries":        {"", "deliveries", []int{422}},
	"redeliver":              {"", "delivery", []int{404, 409, 413, 415, 422}},
	"list-endpoints":         {"", "endpoints", []int{422}},
	"enable-endpoint":        {"", "endpoint", []int{404, 413, 415, 422}},
	"redrive":                {"redrive-body", "redrive", []int{413, 415, 422}},
	"get-redrive":            {"", "redrive", []int{404, 422}},
	"cancel-redrive":         {"", "redrive", []int{404, 413, 415, 422}},
	"test-webhook":           {"test-body", "tested", []int{413, 415, 422}},
	"upload-files":           {"", "files", []int{413, 415, 422}},
	"download-file":          {"", "", []int{404}},
	"delete-file":            {"", "", []int{404, 422}},
}

// everywhere are the statuses that every operation may answer.
var everywhere = []int{400, 403, 500, 503}

// meaning is what a status means wherever it is answered, and a detail as callers may get it.
type meaning struct{ description, detail string }

var meanings = map[int]meaning{
	400: {"The request cannot be carried out as it is: a header is given twice, or the task has no cached workflow to replay",
		"task 7 has no cached workflow: POST /api/runs/{run_id}/set-as-cached-workflow makes one from a successful run"},
	403: {"The request comes from a page of another site, or names the server by a host name that it does not know",
		`the host "errand.example" is not one of this server: name it in ERRAND_HOSTS if it is`},
	404: {"There is nothing with that id", "run 41 does not exist"},
	409: {"Its state does not allow it, or others edit it at the same time", "run 41 is running: it must have succeeded"},
	412: {"The task was edited after the state that If-Match names", "task 7 was edited since: read it again, and repeat the edit with its new ETag"},
	413: {"The body, or a file in it, is too large", "the body is larger than 262144 bytes"},
	415: {"The body is of another type than the operation takes", "expected Content-Type: application/json"},
	422: {"A parameter or a field is wrong; errors names each", "validation failed: body.promt: unexpected property"},
	500: {"A fault in Errand; its log has the cause, under the X-Request-Id of the answer", "unexpected error occurred"},
	503: {"NATS cannot be reached, or cannot store: repeat the request, with the same Idempotency-Key if it makes something",
		"NATS is not reachable and nothing was stored: repeat the request later"},
}

//go:embed examples.json
var exampleFile []byte

// finish makes the document say what the wire does: a provider is one of the table, an enum of a field that may be null
// has null among its values, a body that may be absent is not required, and each operation has an example and all its errors.
func finish(document *huma.OpenAPI, providers []string) error {
	schemas := document.Components.Schemas.Map()
	for _, schema := range schemas {
		if property := schema.Properties["provider"]; property != nil {
			property.Enum = nil
			for _, name := range providers {
				property.Enum = append(property.Enum, name)
			}
			property.PrecomputeMessages()
		}
		for _, property := range schema.Properties {
			if property.Nullable && len(property.Enum) > 0 {
				property.Enum = append(property.Enum, nil)
			}
		}
	}
	if run := schemas["Run"]; run != nil {
		run.Description = "Represents the complete response from the agent."
	}
	if why := schemas["Error"]; why != nil {
		for _, c := range event.Codes() {
			why.Properties["code"].Enum = append(why.Properties["code"].Enum, c.Name)
		}
	}
	var examples map[string]json.RawMessage
	if err := json.Unmarshal(exampleFile, &examples); err != nil {
		return fmt.Errorf("read the examples of the API document: %w", err)
	}
	for _, path := range document.Paths {
		for _, op := range []*huma.Operation{path.Get, path.Post, path.Put, path.Delete} {
			if op != nil {
				entries[op.OperationID].complete(op, examples)
			}
		}
		if path.Post != nil && path.Post.OperationID == "run-task" {
			path.Post.RequestBody.Required = false
		}
	}
	return nil
}

// complete adds the examples and the errors to an operation, in place of the errors that it has.
func (e entry) complete(op *huma.Operation, examples map[string]json.RawMessage) {
	if op.RequestBody != nil {
		exemplify(op.RequestBody.Content, examples[e.body])
	}
	for status, response := range op.Responses {
		if strings.HasPrefix(status, "2") {
			exemplify(response.Content, examples[e.answer])
		} else {
			delete(op.Responses, status)
		}
	}
	for _, status := range append(e.errors, everywhere...) {
		op.Responses[strconv.Itoa(status)] = problemResponse(status)
	}
}

func exemplify(content map[string]*huma.MediaType, example json.RawMessage) {
	if media := content["application/json"]; media != nil && example != nil {
		media.Example = example
	}
}

// problemResponse is how the document shows an error.
func problemResponse(status int) *huma.Response {
	m := meanings[status]
	example := huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: m.detail}
	if status == http.StatusUnprocessableEntity {
		example.Errors = []*huma.ErrorDetail{{Location: "body.promt", Message: "unexpected property"}}
	}
	r := &huma.Response{Description: m.description, Content: map[string]*huma.MediaType{
		"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/ErrorModel"}, Example: example},
	}}
	if status == http.StatusServiceUnavailable {
		r.Headers = map[string]*huma.Param{"Retry-After": {
			Description: "Seconds after which the request may be repeated", Schema: &huma.Schema{Type: huma.TypeInteger},
		}}
	}
	return r
}
