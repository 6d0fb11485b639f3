// Package schema compiles JSON Schemas (draft 7 and 2020-12) that strangers wrote and validates values that strangers
// sent, both within bounds: a schema beyond a limit is refused with the place that exceeds it, and a validation stops
// with its context, at its deadline, or after a fixed amount of work. It never loads anything, and it never panics.
//
// Formats are asserted. Patterns follow ECMA-262: what Go's regexp cannot compile, such as look-ahead, is matched by a
// backtracking engine with a time limit.
package schema

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// location is the base of a schema's own references, never fetched.
const location = "urn:errand:json_schema"

// drafts are the dialects that a schema may declare; one that declares none is 2020-12.
var drafts = []string{
	"http://json-schema.org/draft-07/schema", "http://json-schema.org/draft-07/schema#",
	"https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2020-12/schema#",
}

// compiling bounds how many schemas are compiled at once: compiling cannot be interrupted, only kept from taking every
// core.
var compiling = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))

// validationTime is the longest that one validation may take, whatever its context allows.
const validationTime = 10 * time.Second

// Error says what is wrong with a schema or a value, and where.
type Error struct {
	Pointer string // JSON Pointer to the place, empty for the whole
	Reason  string
}

func (e *Error) Error() string {
	if e.Pointer == "" {
		return e.Reason
	}
	return "at " + e.Pointer + ": " + e.Reason
}

// Schema is a compiled JSON Schema. It is safe for concurrent use; validations with the same Schema take turns.
type Schema struct {
	root  *jsonschema.Schema
	turn  chan struct{} // held by the validation that uses the meter
	meter *meter
}

// Compile reads a JSON Schema: an object, true or false. It waits for its turn as long as ctx lasts. Errors are *Error,
// or that of ctx.
func Compile(ctx context.Context, raw []byte) (*Schema, error) {
	doc, err := decode(raw)
	if err != nil {
		return nil, err
	}
	dynamic, err := checkLimits(doc)
	if err != nil {
		return nil, err
	}
	select {
	case compiling <- struct{}{}:
		defer func() { <-compiling }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to compile the schema: %w", context.Cause(ctx))
	}
	return compile(doc, dynamic)
}

// compile has the library compile doc. dynamic are the places that only a dynamic reference leads to.
func compile(doc any, dynamic []string) (s *Schema, err error) {
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, &Error{Reason: "this schema cannot be compiled"}
		}
	}()
	m := &meter{}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(noLoader{})
	c.AssertFormat()
	registerFormats(c)
	c.UseRegexpEngine((&patterns{meter: m}).compile)
	if err := c.AddResource(location, doc); err != nil {
		return nil, schemaError(err)
	}
	root, err := c.Compile(location)
	if err != nil {
		return nil, schemaError(err)
	}
	reachable := []*jsonschema.Schema{root}
	for _, pointer := range dynamic {
		if sub, err := c.Compile(location + "#" + pointer); err == nil {
			reachable = append(reachable, sub)
		}
	}
	if err := checkExpansion(reachable); err != nil {
		return nil, err
	}
	m.attach(reachable)
	return &Schema{root: root, turn: make(chan struct{}, 1), meter: m}, nil
}

// Validate checks a value. The error is nil, a *Violation if the value does not satisfy the schema, an *Error if it is
// not JSON or is too large or too costly to check, or that of ctx.
func (s *Schema) Validate(ctx context.Context, raw []byte) error {
	value, err := decode(raw)
	if err != nil {
		return err
	}
	if err := checkValue(value); err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return fmt.Errorf("wait to validate: %w", context.Cause(ctx))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, validationTime, errTooCostly)
	defer cancel()
	return s.validate(ctx, value)
}

func (s *Schema) validate(ctx context.Context, value any) (err error) {
	s.meter.start(ctx)
	defer s.meter.stop()
	defer func() {
		switch p := recover().(type) {
		case nil:
		case stopped:
			err = p.error
		default:
			err = &Error{Reason: "the value cannot be checked against this schema"}
		}
	}()
	if err := s.root.Validate(value); err != nil {
		return violation(err)
	}
	return nil
}

// Violation says how a value does not satisfy a schema: one sentence for each place, the first dozen of them.
type Violation struct {
	Places []string
}

func (v *Violation) Error() string { return strings.Join(v.Places, "; ") }

// decode reads one JSON value and keeps its numbers as they were written. It refuses what CheckNumbers refuses.
func decode(raw []byte) (any, error) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, &Error{Reason: "it is not JSON: " + plainJSON(err)}
	}
	if err := checkNumbers(value, ""); err != nil {
		return nil, err
	}
	return value, nil
}

func plainJSON(err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("%s after %d bytes", syntax.Error(), syntax.Offset)
	}
	return err.Error()
}

type noLoader struct{}

func (noLoader) Load(string) (any, error) {
	return nil, errors.New("a reference to another document is not followed")
}
