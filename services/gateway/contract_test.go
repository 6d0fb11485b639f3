package gateway_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/errand-run/errand/shared/natstest"
)

// field is what a document says of one field of a body.
type field struct {
	kind        string // the type without null; any where nothing is said
	nullable    bool
	description string
	minLength   int
	options     []string
	byDefault   string
}

var (
	seedName = regexp.MustCompile(`^[a-z_]+$`)
	seedType = regexp.MustCompile(`^(string|integer|boolean|any|enum<string>|[A-Za-z]+ · object\[\])( \| null)?$`)
)

// seedFields reads the fields of a section of the document that the API started from: a name, its type, then what
// is said of it.
func seedFields(t *testing.T, section, until string) map[string]field {
	t.Helper()
	text, err := os.ReadFile("testdata/run-task-api.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n"+section+"\n")
	if !ok {
		t.Fatalf("the document has no section %s", section)
	}
	rest, _, _ = strings.Cut(rest, "\n"+until+"\n")
	fields := map[string]field{}
	var name string
	lines := strings.Split(rest, "\n")
	for i, line := range lines {
		next := ""
		if i+1 < len(lines) {
			next = lines[i+1]
		}
		if seedName.MatchString(line) && (seedType.MatchString(next) || line == "json_schema") {
			name = line
			fields[name] = field{kind: "any", nullable: true}
			continue
		}
		fields[name] = seedLine(fields[name], line)
	}
	delete(fields, "")
	return fields
}

// seedLine adds one line of the document to what is known of its field.
func seedLine(f field, line string) field {
	option := strings.TrimSuffix(line, ",")
	switch {
	case seedType.MatchString(line):
		kind, null, _ := strings.Cut(line, " | ")
		f.kind, f.nullable = strings.TrimSuffix(strings.TrimPrefix(kind, "enum<"), ">"), null == "null"
		if strings.Contains(kind, "object[]") {
			f.kind = "array"
		}
	case line == "", line == "Available options:":
	case strings.HasPrefix(line, "default:"):
		f.byDefault = strings.TrimPrefix(line, "default:")
	case line == "Minimum string length: 3":
		f.minLength = 3
	case seedName.MatchString(option):
		f.options = append(f.options, option)
	default:
		f.description = line
	}
	return f
}

// document is the part of /openapi.json that the tests read.
type document struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

type operation struct {
	OperationID string
	RequestBody struct {
		Required bool
		Content  map[string]struct{ Schema schema }
	}
	Responses map[string]struct {
		Content map[string]struct{ Schema schema }
	}

	method, path string // in the answer of operations
}

// operations are all operations of the document, with their method and path.
func (d document) operations() (all []operation) {
	for path, methods := range d.Paths {
		for method, op := range methods {
			op.method, op.path = strings.ToUpper(method), path
			all = append(all, op)
		}
	}
	return all
}

type schema struct {
	Ref         string `json:"$ref"`
	Type        any
	Description string
	MinLength   int
	Enum        []any
	Default     any
	Properties  map[string]schema
	Required    []string
	AnyOf       []schema
}

func (d document) resolve(s schema) schema {
	if s.Ref == "" {
		return s
	}
	return d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
}

// field reads what our document says of a field.
func (s schema) field() field {
	f := field{kind: "any", nullable: true, description: s.Description, minLength: s.MinLength}
	f.byDefault, _ = s.Default.(string)
	switch kind := s.Type.(type) {
	case string:
		f.kind, f.nullable = kind, false
	case []any:
		f.kind, _ = kind[0].(string)
		f.nullable = slices.Contains(kind, any("null"))
	}
	for _, value := range s.Enum {
		if option, ok := value.(string); ok {
			f.options = append(f.options, option)
		} else if value == nil && !f.nullable {
			f.options = append(f.options, "null")
		}
	}
	return f
}

func openAPI(t *testing.T) document {
	t.Helper()
	return openAPIOf(t, start(t, natstest.Bus(t)))
}

func openAPIOf(t *testing.T, s *server) document {
	t.Helper()
	return into[document](t, s.send(t, "GET", "/openapi.json", ""))
}

func TestTheDocumentKeepsTheContractThatClientsAreMadeFrom(t *testing.T) {
	t.Parallel()
	d := openAPI(t)
	post := d.Paths["/api/tasks/{task_id}/runs"]["post"]
	body := d.resolve(post.RequestBody.Content["application/json"].Schema)
	answer := d.resolve(post.Responses["200"].Content["application/json"].Schema)
	if d.OpenAPI != "3.1.0" || post.RequestBody.Required || len(body.Required) > 0 {
		t.Errorf("OpenAPI %s, body required %v, fields required %v", d.OpenAPI, post.RequestBody.Required, body.Required)
	}
	seedBody, seedAnswer := seedFields(t, "Body", "Response"), seedFields(t, "Response", "never")
	if len(seedBody) != 8 || len(seedAnswer) != 7 {
		t.Fatalf("the contract was read as %d fields of the body and %d of the answer", len(seedBody), len(seedAnswer))
	}
	compare(t, "request", seedBody, body)
	compare(t, "answer", seedAnswer, answer)
}

func compare(t *testing.T, what string, seed map[string]field, ours schema) {
	t.Helper()
	for name, want := range seed {
		property, ok := ours.Properties[name]
		got, _ := json.Marshal(property)
		have := property.field()
		if !ok || have.kind != want.kind || have.nullable != want.nullable || have.minLength != want.minLength ||
			have.byDefault != want.byDefault || !slices.Equal(have.options, want.options) || have.description != want.description {
			t.Errorf("%s %s is %s: %+v, the contract says %+v", what, name, got, have, want)
		}
	}
}

func TestAnEnumThatMayBeNullHasNullAmongItsValues(t *testing.T) {
	t.Parallel()
	for name, s := range openAPI(t).Components.Schemas {
		for property, p := range s.Properties {
			if f := p.field(); len(p.Enum) > 0 && f.kind != "any" && f.nullable != slices.Contains(p.Enum, nil) {
				t.Errorf("%s.%s: nullable %v, values %v", name, property, f.nullable, p.Enum)
			}
			if kind, ok := p.Type.([]any); ok && slices.Contains(kind, any("")) {
				t.Errorf("%s.%s has the type %v", name, property, kind)
			}
		}
	}
}

func TestTheErrorOfARunMayBeNull(t *testing.T) {
	t.Parallel()
	if kind, ok := openAPI(t).Components.Schemas["Error"].Type.([]any); !ok || !slices.Contains(kind, any("null")) {
		t.Errorf("the document says that the error of a run is never null: %v", kind)
	}
}

func TestTheDocumentTellsOfReplaysAndOfWorkflowsApartFromRuns(t *testing.T) {
	t.Parallel()
	schemas := openAPI(t).Components.Schemas
	for _, want := range []struct{ schema, field, kind string }{
		{"Run", "workflow", ""},
		{"Action", "executed_by_ai", "boolean"},
		{"Action", "fallback_reason", "string"},
		{"Action", "fallback_attempt", "integer"},
		{"Action", "sends", "boolean"},
		{"Action", "unfinished", "boolean"},
		{"Action", "opened_tabs", "integer"},
		{"WorkflowUse", "unconfirmed", "array"},
		{"WorkflowVersion", "needs_model", "array"},
		{"Workflow", "steps", "array"},
		{"WorkflowAction", "alternatives", "array"},
		{"WorkflowResult", "example", ""},
		{"Overrides", "parameters", "object"},
		{"TaskBody", "cached_workflow", ""},
	} {
		p, ok := schemas[want.schema].Properties[want.field]
		if kind := p.field().kind; !ok || want.kind != "" && kind != want.kind {
			t.Errorf("%s.%s is documented as %+v (%v)", want.schema, want.field, p, ok)
		}
	}
	for schema, secret := range map[string]string{"WorkflowUse": "healed_object", "WorkflowVersion": "object", "Definition": "parameters"} {
		if _, told := schemas[schema].Properties[secret]; told {
			t.Errorf("the document tells of %s.%s", schema, secret)
		}
	}
	if kind, ok := schemas["WorkflowUse"].Type.([]any); !ok || !slices.Contains(kind, any("null")) {
		t.Errorf("the workflow of a run is never null: %v", schemas["WorkflowUse"].Type)
	}
	if of := schemas["TaskView"].Properties["cached_workflow"].AnyOf; len(of) != 2 || of[0].Ref == "" || of[1].Type != "null" {
		t.Errorf("the cached workflow of a task is one of %+v", of)
	}
}
