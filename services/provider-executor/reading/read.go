package reading

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/errand-run/errand/services/provider-executor/browser"
	"github.com/errand-run/errand/shared/workflow"
)

// Reader reads again what Leaves has found; a browser session does.
type Reader interface {
	ReadSource(ctx context.Context, source json.RawMessage) (string, error)
	ReadList(ctx context.Context, list json.RawMessage, fields []json.RawMessage, first int) ([][]string, error)
}

// UnreadError says that a field could not be read: nothing stands where it was, or something else.
type UnreadError struct {
	Field string // its name
	Path  string
	Err   error
}

func (e *UnreadError) Error() string {
	return fmt.Sprintf("read %s of the result: %v", place(e.Path), e.Err)
}

func (e *UnreadError) Unwrap() error { return e.Err }

func place(path string) string {
	if path == "" {
		return "the value"
	}
	return path
}

// Read reads fields from the page that r shows, once each, and gives their values by name. Fields that repeat
// parameters are not read. What cannot be read is told by *UnreadError, of all such fields at once; other errors are r's.
func Read(ctx context.Context, r Reader, fields []workflow.Field) (map[string]json.RawMessage, error) {
	values := map[string]json.RawMessage{}
	var unread []error
	for _, field := range fields {
		if field.Source == nil && field.List == nil {
			continue
		}
		value, err := read(ctx, r, field)
		if err == nil {
			values[field.Name] = value
			continue
		}
		if _, told := errors.AsType[*UnreadError](err); !told {
			return nil, err
		}
		unread = append(unread, err)
	}
	return values, errors.Join(unread...)
}

func read(ctx context.Context, r Reader, field workflow.Field) (json.RawMessage, error) {
	var value json.RawMessage
	var err error
	if field.List != nil {
		value, err = readList(ctx, r, field.List)
	} else {
		value, err = readScalar(ctx, r, field)
	}
	var absent *browser.NotReadError
	var unfit unfitError
	if errors.As(err, &absent) || errors.As(err, &unfit) {
		return nil, &UnreadError{field.Name, field.Path, err}
	}
	return value, err
}

// unfitError says that a text is there and is no value as it was recorded.
type unfitError struct{ error }

func readScalar(ctx context.Context, r Reader, field workflow.Field) (json.RawMessage, error) {
	text, err := r.ReadSource(ctx, field.Source)
	if err != nil {
		return nil, err
	}
	if field.Rule == nil {
		return json.Marshal(text)
	}
	return parse(*field.Rule, text)
}

func parse(rule workflow.Rule, text string) (json.RawMessage, error) {
	value, err := rule.Parse(text)
	if err != nil {
		return nil, unfitError{err}
	}
	return value, nil
}

func readList(ctx context.Context, r Reader, list *workflow.List) (json.RawMessage, error) {
	var fields []json.RawMessage
	for _, item := range list.Items {
		fields = append(fields, item.Source)
	}
	rows, err := r.ReadList(ctx, list.Source, fields, list.First)
	if err != nil {
		return nil, err
	}
	elements := make([]any, len(rows))
	for i, row := range rows {
		if elements[i], err = element(list.Items, row); err != nil {
			return nil, unfitError{fmt.Errorf("item %d: %w", i+1, err)}
		}
	}
	if !list.Single {
		return json.Marshal(elements)
	}
	if len(elements) == 0 {
		return nil, unfitError{errors.New("the list is empty")}
	}
	return json.Marshal(elements[0])
}

// element is one item of a list as the result has it.
func element(items []workflow.Item, row []string) (any, error) {
	object := map[string]json.RawMessage{}
	for i, item := range items {
		value, err := parse(item.Rule, row[i])
		if err != nil {
			return nil, err
		}
		if item.Name == "" {
			return value, nil
		}
		object[item.Name] = value
	}
	return object, nil
}

// Assemble puts values by name into the recorded result and leaves the rest of it as it was; fields that repeat
// parameters are filled from params. missing are the parts that only a model can give, which still are those of the
// recording. A field without a value is an error.
func Assemble(result *workflow.Result, values map[string]json.RawMessage, params map[string]any) (whole json.RawMessage, missing []string, err error) {
	if result.Text != "" {
		whole, err = assembleText(result, values, params)
		return whole, result.NeedsModel, err
	}
	whole = result.Example
	for _, field := range result.Fields {
		value, err := valueOf(field, values, params, whole)
		if err != nil {
			return nil, nil, err
		}
		if whole, err = put(whole, field.Path, value); err != nil {
			return nil, nil, fmt.Errorf("put %s into the result: %w", field.Name, err)
		}
	}
	return whole, result.NeedsModel, nil
}

func assembleText(result *workflow.Result, values map[string]json.RawMessage, params map[string]any) (json.RawMessage, error) {
	texts := map[string]any{}
	for name, value := range params {
		texts[name] = value
	}
	for _, field := range result.Fields {
		value, err := valueOf(field, values, params, nil)
		if err != nil {
			return nil, err
		}
		if texts[field.Name], err = decode(value); err != nil {
			return nil, fmt.Errorf("decode %s: %w", field.Name, err)
		}
	}
	text, err := workflow.Fill(result.Text, texts)
	if err != nil {
		return nil, fmt.Errorf("fill the result's text: %w", err)
	}
	return json.Marshal(text)
}

// valueOf is what was read for a field, or what its template of parameters says, of the type that stands in the example.
func valueOf(field workflow.Field, values map[string]json.RawMessage, params map[string]any, example json.RawMessage) (json.RawMessage, error) {
	if field.Source != nil || field.List != nil {
		if value, ok := values[field.Name]; ok {
			return value, nil
		}
		return nil, &UnreadError{field.Name, field.Path, errors.New("it was not read")}
	}
	filled, err := workflow.Fill(field.Value, params)
	if err != nil {
		return nil, &UnreadError{field.Name, field.Path, err}
	}
	if old, err := at(example, field.Path); err == nil && old[0] != '"' && json.Valid([]byte(filled.(string))) {
		return json.RawMessage(filled.(string)), nil
	}
	return json.Marshal(filled)
}

var pointerUnescape = strings.NewReplacer("~1", "/", "~0", "~")

// at is the part of a JSON value that a pointer names.
func at(whole json.RawMessage, path string) (json.RawMessage, error) {
	if path == "" {
		return bytes.TrimSpace(whole), nil
	}
	head, rest := step(path)
	part, err := member(whole, head)
	if err != nil {
		return nil, err
	}
	return at(*part.value, rest)
}

// put is the value with one part replaced.
func put(whole json.RawMessage, path string, value json.RawMessage) (json.RawMessage, error) {
	if path == "" {
		return value, nil
	}
	head, rest := step(path)
	part, err := member(whole, head)
	if err != nil {
		return nil, err
	}
	if *part.value, err = put(*part.value, rest, value); err != nil {
		return nil, err
	}
	return part.whole()
}

// step is the first name of a pointer, and what follows it.
func step(path string) (head, rest string) {
	head, rest, found := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if found {
		rest = "/" + rest
	}
	return pointerUnescape.Replace(head), rest
}

// part is a member of an object or an element of an array; whole encodes what it is in.
type part struct {
	value *json.RawMessage
	whole func() (json.RawMessage, error)
}

func member(in json.RawMessage, name string) (part, error) {
	var array []json.RawMessage
	if json.Unmarshal(in, &array) == nil {
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i >= len(array) {
			return part{}, fmt.Errorf("there is no element %q", name)
		}
		return part{&array[i], func() (json.RawMessage, error) { return json.Marshal(array) }}, nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(in, &object); err != nil {
		return part{}, fmt.Errorf("there is nothing named %q", name)
	}
	value, ok := object[name]
	if !ok {
		return part{}, fmt.Errorf("there is nothing named %q", name)
	}
	return part{&value, func() (json.RawMessage, error) {
		object[name] = value
		return json.Marshal(object)
	}}, nil
}
